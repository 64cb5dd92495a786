use std::fmt;

use crate::id::Guid;

/// Value of X-RequestId ([MS-OXCMAPIHTTP] 2.2.3.3.2): a GUID that lives as long as its session context, and a counter that
/// grows with every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId {
    /// Unique to the session context.
    pub context: Guid,
    /// Number of the request within it, from 1.
    pub counter: u32,
}

/// Value of X-ClientInfo ([MS-OXCMAPIHTTP] 2.2.3.3.4): a GUID of the client instance, and a number of the session context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientInfo {
    /// Constant for the life of the client.
    pub instance: Guid,
    /// Another one for every session context.
    pub context: u32,
}

impl RequestId {
    /// The id of a header value.
    pub fn parse(text: &str) -> Option<Self> {
        parse(text).map(|(context, counter)| Self { context, counter })
    }
}

impl ClientInfo {
    /// The value of a header.
    pub fn parse(text: &str) -> Option<Self> {
        parse(text).map(|(instance, context)| Self { instance, context })
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}:{}", self.context.to_string().to_ascii_uppercase(), self.counter)
    }
}

impl fmt::Display for ClientInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}:{}", self.instance.to_string().to_ascii_uppercase(), self.context)
    }
}

fn parse(text: &str) -> Option<(Guid, u32)> {
    let (guid, counter) = text.trim().split_once(':')?;
    Some((Guid::parse(guid)?, counter.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_is_that_of_outlook() {
        let text = "{AC554F47-D20B-4594-8D5D-81E456769A21}:3";
        let id = RequestId::parse(text).expect("a request id");
        assert_eq!(id.counter, 3);
        assert_eq!(id.to_string(), text);
        assert_eq!(ClientInfo::parse(text).expect("a client info").to_string(), text);
        assert_eq!(RequestId::parse("{AC554F47}:3"), None);
        assert_eq!(RequestId::parse("no colon"), None);
    }
}
