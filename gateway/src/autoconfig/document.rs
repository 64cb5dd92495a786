use sha2::{Digest, Sha256};

use super::offer::{Offer, Place};

/// Thunderbird's, which other clients read as well: https://www.bucksch.org/1/projects/thunderbird/autoconfiguration/
pub(super) fn thunderbird(offer: &Offer) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<clientConfig version=\"1.1\">\n");
    let id = offer.domains.first().map_or("", String::as_str);
    out += &format!("  <emailProvider id=\"{}\">\n", escape(id));
    for domain in &offer.domains {
        out += &format!("    <domain>{}</domain>\n", escape(domain));
    }
    out += &format!(
        "    <displayName>{0}</displayName>\n    <displayShortName>{0}</displayShortName>\n",
        escape(&offer.name)
    );
    let incoming = offer.imap.iter().map(|place| ("incomingServer", "imap", place));
    let outgoing = offer.smtp.iter().map(|place| ("outgoingServer", "smtp", place));
    for (element, kind, Place { host, port, implicit }) in incoming.chain(outgoing) {
        let socket = if *implicit { "SSL" } else { "STARTTLS" };
        out += &format!(
            "    <{element} type=\"{kind}\">\n      <hostname>{}</hostname>\n      <port>{port}</port>\n      \
             <socketType>{socket}</socketType>\n      <authentication>password-cleartext</authentication>\n      \
             <username>%EMAILADDRESS%</username>\n    </{element}>\n",
            escape(host)
        );
    }
    out + "  </emailProvider>\n</clientConfig>\n"
}

/// Autodiscover as Outlook once asked for IMAP and SMTP ([MS-OXDSCLI] 2.2.4).
pub(super) fn pox(offer: &Offer, address: &str) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">\n\
         <Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a\">\n\
         <Account>\n<AccountType>email</AccountType>\n<Action>settings</Action>\n",
    );
    let imap = offer.imap.first().map(|place| ("IMAP", place));
    let smtp = offer.smtp.first().map(|place| ("SMTP", place));
    for (kind, Place { host, port, implicit }) in imap.into_iter().chain(smtp) {
        let encryption = if *implicit { "SSL" } else { "TLS" };
        out += &format!(
            "<Protocol>\n<Type>{kind}</Type>\n<Server>{}</Server>\n<Port>{port}</Port>\n<LoginName>{}</LoginName>\n\
             <SPA>off</SPA>\n<SSL>on</SSL>\n<Encryption>{encryption}</Encryption>\n<AuthRequired>on</AuthRequired>\n</Protocol>\n",
            escape(host),
            escape(address),
        );
    }
    out + "</Account>\n</Response>\n</Autodiscover>\n"
}

/// A profile for Apple's Mail (Apple, Configuration Profile Reference: com.apple.mail.managed). The same address has the same
/// profile, so that a new one takes the place of an old one. `None` where there is no place of each kind.
pub(super) fn profile(offer: &Offer, address: &str) -> Option<String> {
    let (imap, smtp) = (offer.imap.first()?, offer.smtp.first()?);
    let text = |key: &str, value: &str| format!("<key>{key}</key><string>{}</string>\n", escape(value));
    let flag = |key: &str, value: bool| format!("<key>{key}</key><{value}/>\n");
    let number = |key: &str, value: u16| format!("<key>{key}</key><integer>{value}</integer>\n");
    let identifier = format!("{}.mapi-gateway", imap.host);
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \
         \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\"><dict>\n\
         <key>PayloadContent</key><array><dict>\n",
    );
    out += &text("EmailAccountType", "EmailTypeIMAP");
    out += &text("EmailAccountDescription", &offer.name);
    out += &text("EmailAddress", address);
    for (kind, place) in [("Incoming", imap), ("Outgoing", smtp)] {
        out += &text(&format!("{kind}MailServerAuthentication"), "EmailAuthPassword");
        out += &text(&format!("{kind}MailServerHostName"), &place.host);
        out += &number(&format!("{kind}MailServerPortNumber"), place.port);
        out += &flag(&format!("{kind}MailServerUseSSL"), true);
        out += &text(&format!("{kind}MailServerUsername"), address);
    }
    out += &flag("OutgoingPasswordSameAsIncomingPassword", true);
    out += &text("PayloadType", "com.apple.mail.managed");
    out += &text("PayloadIdentifier", &format!("{identifier}.account"));
    out += &text("PayloadUUID", &uuid(&identifier, address, "account"));
    out += "<key>PayloadVersion</key><integer>1</integer>\n</dict></array>\n";
    out += &text("PayloadDisplayName", &offer.name);
    out += &text("PayloadIdentifier", &identifier);
    out += &text("PayloadType", "Configuration");
    out += &text("PayloadUUID", &uuid(&identifier, address, "profile"));
    Some(out + "<key>PayloadVersion</key><integer>1</integer>\n</dict></plist>\n")
}

/// A name-based one of our own making (RFC 9562 5.8).
fn uuid(identifier: &str, address: &str, part: &str) -> String {
    let digest = Sha256::digest(format!("{identifier}\0{}\0{part}", address.to_lowercase()).as_bytes());
    let hex: Vec<String> = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let hex = hex.concat();
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

fn escape(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    escaped.chars().filter(|c| !c.is_control()).collect()
}
