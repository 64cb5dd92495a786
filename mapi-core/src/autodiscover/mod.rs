//! Autodiscover in plain old XML ([MS-OXDSCLI]): which URLs and which legacyExchangeDN belong to an address; and where to ask
//! for that ([MS-OXDISCO]).
//!
//! Credentials go only to hosts that the caller lists, whatever an address, a redirect or an answer says.

mod answer;
mod discover;
mod error;
mod hosts;
mod json;
mod question;
mod request;
mod search;
mod xml;

pub use answer::{AutodiscoverAnswer, MailboxSettings, ProtocolUrls};
pub use discover::{Discovery, Found};
pub use error::AutodiscoverError;
pub use hosts::AllowedHosts;
pub use json::{MAX_JSON, decode_json, json_target};
pub use question::{Attempt, Question, Reply, Step};
pub use request::{AutodiscoverRequest, Subject};
pub use search::{Bounds, Search};
pub use xml::XmlError;

/// Path of the service on every host.
pub const PATH: &str = "/autodiscover/autodiscover.xml";

/// Namespace of requests.
pub const REQUEST_SCHEMA: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006";
/// Namespace of answers for Outlook, and what requests ask for.
pub const RESPONSE_SCHEMA: &str = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";
/// Namespace of the envelope of answers.
pub const ENVELOPE_SCHEMA: &str = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006";
