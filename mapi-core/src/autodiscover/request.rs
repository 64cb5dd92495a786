use super::xml::{self, XmlError, tagged};
use super::{REQUEST_SCHEMA, RESPONSE_SCHEMA};

/// Whose settings are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// An SMTP address.
    Address(String),
    /// A legacyExchangeDN.
    LegacyDn(String),
}

/// The body of a request ([MS-OXDSCLI] 2.2.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutodiscoverRequest {
    /// Whose settings are asked for.
    pub subject: Subject,
}

impl AutodiscoverRequest {
    /// Reads a body, whatever answer it finds acceptable.
    ///
    /// # Errors
    /// Anything but an Autodiscover request for an address or a DN.
    pub fn decode(body: &[u8]) -> Result<Self, XmlError> {
        let root = xml::parse(body)?;
        let request = root.child("Request").ok_or(XmlError::Missing("Request"))?;
        let subject = match (request.child_text("EMailAddress"), request.child_text("LegacyDN")) {
            (Some(address), _) => Subject::Address(address),
            (None, Some(dn)) => Subject::LegacyDn(dn),
            (None, None) => return Err(XmlError::Missing("EMailAddress")),
        };
        Ok(Self { subject })
    }

    /// Writes the body.
    pub fn encode(&self) -> String {
        let subject = match &self.subject {
            Subject::Address(address) => tagged("EMailAddress", address),
            Subject::LegacyDn(dn) => tagged("LegacyDN", dn),
        };
        let schema = tagged("AcceptableResponseSchema", RESPONSE_SCHEMA);
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"{REQUEST_SCHEMA}\"><Request>{subject}{schema}</Request></Autodiscover>"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes_both_ways() {
        let request = AutodiscoverRequest { subject: Subject::Address("dave@lab.test".into()) };
        let text = concat!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
            "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006\">",
            "<Request><EMailAddress>dave@lab.test</EMailAddress><AcceptableResponseSchema>",
            "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a",
            "</AcceptableResponseSchema></Request></Autodiscover>",
        );
        assert_eq!(request.encode(), text);
        assert_eq!(AutodiscoverRequest::decode(text.as_bytes()), Ok(request));
        let request = AutodiscoverRequest { subject: Subject::LegacyDn("/o=a&b/cn=<x>".into()) };
        assert_eq!(AutodiscoverRequest::decode(request.encode().as_bytes()), Ok(request));
        assert!(AutodiscoverRequest::decode(b"<a><Request/></a>").is_err());
    }
}
