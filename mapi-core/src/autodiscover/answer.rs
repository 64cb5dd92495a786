use super::xml::{self, Element, XmlError, tagged};
use super::{ENVELOPE_SCHEMA, RESPONSE_SCHEMA};

/// What an answer says ([MS-OXDSCLI] 2.2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AutodiscoverAnswer {
    /// The settings.
    Settings(Box<MailboxSettings>),
    /// Ask for this address instead.
    RedirectAddress(String),
    /// Ask there instead.
    RedirectUrl(String),
    /// There are none.
    Error {
        /// Such as 500 or 600; Gromox says 404 for unknown addresses.
        code: u32,
        /// For people.
        message: String,
    },
}

/// The settings of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailboxSettings {
    /// legacyExchangeDN: the UserDn of Connect.
    pub legacy_dn: String,
    /// Name of the owner.
    pub display_name: Option<String>,
    /// The mailbox's own address, which may be another than the one asked for.
    pub smtp_address: Option<String>,
    /// URLs of the mailbox store.
    pub emsmdb: ProtocolUrls,
    /// URLs of the address book.
    pub nspi: ProtocolUrls,
}

/// The URLs of a service, from inside and outside the server's network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProtocolUrls {
    /// InternalUrl.
    pub internal: Option<String>,
    /// ExternalUrl.
    pub external: Option<String>,
}

impl ProtocolUrls {
    /// The same URL from everywhere.
    pub fn both(url: impl Into<String>) -> Self {
        let url = url.into();
        Self { internal: Some(url.clone()), external: Some(url) }
    }

    /// The URLs to try, the external one first.
    pub fn candidates(&self) -> impl Iterator<Item = &str> {
        let internal = self.internal.as_deref().filter(|url| self.external.as_deref() != Some(url));
        self.external.as_deref().into_iter().chain(internal)
    }
}

impl AutodiscoverAnswer {
    /// Reads a body.
    ///
    /// # Errors
    /// Anything but an answer for Outlook with a LegacyDN, a redirect or an error.
    pub fn decode(body: &[u8]) -> Result<Self, XmlError> {
        let root = xml::parse(body)?;
        let response = root.child("Response").ok_or(XmlError::Missing("Response"))?;
        if let Some(error) = response.child("Error") {
            let code = error.child_text("ErrorCode").and_then(|text| text.parse().ok()).unwrap_or(0);
            return Ok(Self::Error { code, message: error.child_text("Message").unwrap_or_default() });
        }
        let account = response.child("Account").ok_or(XmlError::Missing("Account"))?;
        match account.child_text("Action").as_deref() {
            Some("redirectAddr") => {
                let address = account.child_text("RedirectAddr").ok_or(XmlError::Missing("RedirectAddr"))?;
                Ok(Self::RedirectAddress(address))
            }
            Some("redirectUrl") => {
                Ok(Self::RedirectUrl(account.child_text("RedirectUrl").ok_or(XmlError::Missing("RedirectUrl"))?))
            }
            _ => Ok(Self::Settings(Box::new(settings(response, account)?))),
        }
    }

    /// Writes a body.
    pub fn encode(&self) -> String {
        let (schema, inner) = match self {
            Self::Settings(settings) => (RESPONSE_SCHEMA, encode_settings(settings)),
            Self::RedirectAddress(address) => (RESPONSE_SCHEMA, redirect("redirectAddr", "RedirectAddr", address)),
            Self::RedirectUrl(url) => (RESPONSE_SCHEMA, redirect("redirectUrl", "RedirectUrl", url)),
            Self::Error { code, message } => {
                let (code, message) = (tagged("ErrorCode", &code.to_string()), tagged("Message", message));
                (ENVELOPE_SCHEMA, format!("<Error>{code}{message}<DebugData/></Error>"))
            }
        };
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"{ENVELOPE_SCHEMA}\"><Response xmlns=\"{schema}\">{inner}</Response></Autodiscover>"
        )
    }
}

fn settings(response: &Element, account: &Element) -> Result<MailboxSettings, XmlError> {
    let user = response.child("User").ok_or(XmlError::Missing("User"))?;
    let mapi = account.children.iter().find(|child| {
        child.name == "Protocol" && child.attribute("Type").is_some_and(|kind| kind.eq_ignore_ascii_case("mapiHttp"))
    });
    let urls = |name: &str| match mapi.and_then(|protocol| protocol.child(name)) {
        Some(service) => {
            ProtocolUrls { internal: service.child_text("InternalUrl"), external: service.child_text("ExternalUrl") }
        }
        None => ProtocolUrls::default(),
    };
    Ok(MailboxSettings {
        legacy_dn: user.child_text("LegacyDN").ok_or(XmlError::Missing("LegacyDN"))?,
        display_name: user.child_text("DisplayName"),
        smtp_address: user.child_text("AutoDiscoverSMTPAddress"),
        emsmdb: urls("MailStore"),
        nspi: urls("AddressBook"),
    })
}

fn encode_settings(settings: &MailboxSettings) -> String {
    let optional = |name: &str, text: &Option<String>| text.as_deref().map_or(String::new(), |text| tagged(name, text));
    let urls = |name: &str, urls: &ProtocolUrls| {
        let inner = optional("InternalUrl", &urls.internal) + &optional("ExternalUrl", &urls.external);
        if inner.is_empty() { inner } else { format!("<{name}>{inner}</{name}>") }
    };
    let user = [
        optional("AutoDiscoverSMTPAddress", &settings.smtp_address),
        optional("DisplayName", &settings.display_name),
        tagged("LegacyDN", &settings.legacy_dn),
    ];
    let services = urls("MailStore", &settings.emsmdb) + &urls("AddressBook", &settings.nspi);
    format!(
        "<User>{}</User><Account><AccountType>email</AccountType><Action>settings</Action><Protocol Type=\"mapiHttp\" Version=\"1\">{services}</Protocol></Account>",
        user.concat()
    )
}

fn redirect(action: &str, name: &str, to: &str) -> String {
    format!("<Account><Action>{action}</Action>{}</Account>", tagged(name, to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Shortened from a recorded answer of an independent server.
    const RECORDED: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
    <Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a">
        <User>
            <AutoDiscoverSMTPAddress>dave@lab.test</AutoDiscoverSMTPAddress>
            <DisplayName>Dave Daniels</DisplayName>
            <LegacyDN>/o=Gromox default/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=0100000004000000-dave</LegacyDN>
        </User>
        <Account>
            <AccountType>email</AccountType>
            <Action>settings</Action>
            <Protocol>
                <Type>EXHTTP</Type>
                <Server>localhost:8443</Server>
                <EcpUrl-photo>thumbnail.php</EcpUrl-photo>
            </Protocol>
            <Protocol Type="mapiHttp" Version="1">
                <MailStore>
                    <InternalUrl>https://localhost:8443/mapi/emsmdb/?MailboxId=64617665-406c-6162-2e74-657304000000@lab.test</InternalUrl>
                    <ExternalUrl>https://localhost:8443/mapi/emsmdb/?MailboxId=64617665-406c-6162-2e74-657304000000@lab.test</ExternalUrl>
                </MailStore>
                <AddressBook>
                    <InternalUrl>https://localhost:8443/mapi/nspi/?MailboxId=64617665-406c-6162-2e74-657304000000@lab.test</InternalUrl>
                    <ExternalUrl>https://localhost:8443/mapi/nspi/?MailboxId=64617665-406c-6162-2e74-657304000000@lab.test</ExternalUrl>
                </AddressBook>
            </Protocol>
        </Account>
    </Response>
</Autodiscover>"#;

    #[test]
    fn a_recorded_answer() {
        let answer = AutodiscoverAnswer::decode(RECORDED.as_bytes()).expect("a recorded answer");
        let AutodiscoverAnswer::Settings(settings) = answer.clone() else { panic!("{answer:?}") };
        assert_eq!(settings.smtp_address.as_deref(), Some("dave@lab.test"));
        assert!(settings.legacy_dn.ends_with("/cn=0100000004000000-dave"));
        let urls: Vec<_> = settings.emsmdb.candidates().collect();
        assert_eq!(
            urls,
            ["https://localhost:8443/mapi/emsmdb/?MailboxId=64617665-406c-6162-2e74-657304000000@lab.test"]
        );
        assert!(settings.nspi.external.is_some());
        assert_eq!(AutodiscoverAnswer::decode(answer.encode().as_bytes()), Ok(answer));
    }

    #[test]
    fn an_error_and_redirects() {
        let recorded = br#"<?xml version="1.0" encoding="UTF-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response><Error Time="02:14:31" Id="4254642451"><ErrorCode>404</ErrorCode><Message>Not Found</Message><DebugData/></Error></Response></Autodiscover>"#;
        let error = AutodiscoverAnswer::Error { code: 404, message: "Not Found".into() };
        assert_eq!(AutodiscoverAnswer::decode(recorded), Ok(error.clone()));
        let answers = [
            error,
            AutodiscoverAnswer::RedirectAddress("a&b@lab.test".into()),
            AutodiscoverAnswer::RedirectUrl("https://other.test/autodiscover/autodiscover.xml?a=1&b=2".into()),
        ];
        for answer in answers {
            assert_eq!(AutodiscoverAnswer::decode(answer.encode().as_bytes()), Ok(answer));
        }
        assert_eq!(AutodiscoverAnswer::decode(b"<a/>"), Err(XmlError::Missing("Response")));
        assert_eq!(AutodiscoverAnswer::decode(b"<html><body>login</body></html>"), Err(XmlError::Missing("Response")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn settings_round_trip(legacy_dn in "[!-~]{1,20}", name in proptest::option::of("[!-~]{1,20}"), url in "[!-~]{1,30}") {
            let settings = MailboxSettings {
                legacy_dn,
                display_name: name.clone(),
                smtp_address: name,
                emsmdb: ProtocolUrls::both(url.clone()),
                nspi: ProtocolUrls { internal: Some(url), external: None },
            };
            let answer = AutodiscoverAnswer::Settings(Box::new(settings));
            prop_assert_eq!(AutodiscoverAnswer::decode(answer.encode().as_bytes()), Ok(answer));
        }
    }
}
