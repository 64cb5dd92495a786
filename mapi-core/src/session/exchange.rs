use crate::http::{Entity, ResponseCode, header};

/// Status line and headers of a response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResponseHead {
    /// HTTP status.
    pub status: u16,
    /// Headers in order; Set-Cookie repeats.
    pub headers: Vec<(String, String)>,
}

/// A response. Its entity is there if [`ResponseHead::is_binary`] says that it has one; other bodies are for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// Status and headers.
    pub head: ResponseHead,
    /// The entity read with [`crate::http::EntityDecoder`].
    pub entity: Option<Entity>,
}

impl ResponseHead {
    /// The first header `name`.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// All headers `name`.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The X-ResponseCode.
    pub fn response_code(&self) -> Option<ResponseCode> {
        self.header(header::X_RESPONSE_CODE).and_then(ResponseCode::parse)
    }

    /// Whether meta-tags and a binary body follow ([MS-OXCMAPIHTTP] 2.2.3.2.5).
    pub fn is_binary(&self) -> bool {
        let kind = self.header("Content-Type").unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        self.status == 200
            && self.response_code() == Some(ResponseCode::SUCCESS)
            && kind.eq_ignore_ascii_case(header::CONTENT_TYPE_MAPI)
    }

    /// X-PendingPeriod in milliseconds, or its default.
    pub fn pending_period(&self) -> u32 {
        let period = self.header(header::X_PENDING_PERIOD).and_then(|value| value.trim().parse().ok());
        period.unwrap_or(header::DEFAULT_PENDING_PERIOD)
    }
}
