use std::fmt;

/// Value of X-ResponseCode ([MS-OXCMAPIHTTP] 2.2.3.3.3). Servers other than Exchange number their codes differently, so
/// clients act on zero and non-zero only and use the rest for logs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ResponseCode(pub u32);

macro_rules! response_codes {
    ($($constant:ident = $value:literal, $name:literal;)*) => {
        impl ResponseCode {
            $(#[doc = concat!($name, ", ", stringify!($value), ".")]
            pub const $constant: Self = Self($value);)*

            /// The name in the specification.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

response_codes! {
    SUCCESS = 0, "Success";
    UNKNOWN_FAILURE = 1, "Unknown Failure";
    INVALID_VERB = 2, "Invalid Verb";
    INVALID_PATH = 3, "Invalid Path";
    INVALID_HEADER = 4, "Invalid Header";
    INVALID_REQUEST_TYPE = 5, "Invalid Request Type";
    INVALID_CONTEXT_COOKIE = 6, "Invalid Context Cookie";
    MISSING_HEADER = 7, "Missing Header";
    ANONYMOUS_NOT_ALLOWED = 8, "Anonymous Not Allowed";
    TOO_LARGE = 9, "Too Large";
    CONTEXT_NOT_FOUND = 10, "Context Not Found";
    NO_PRIVILEGE = 11, "No Privilege";
    INVALID_REQUEST_BODY = 12, "Invalid Request Body";
    MISSING_COOKIE = 13, "Missing Cookie";
    RESERVED = 14, "Reserved";
    INVALID_SEQUENCE = 15, "Invalid Sequence";
    ENDPOINT_DISABLED = 16, "Endpoint Disabled";
    INVALID_RESPONSE = 17, "Invalid Response";
    ENDPOINT_SHUTTING_DOWN = 18, "Endpoint Shutting Down";
}

impl ResponseCode {
    /// The code of a header value.
    pub fn parse(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Self)
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
