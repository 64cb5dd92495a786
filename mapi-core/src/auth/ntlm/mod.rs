//! NTLM ([MS-NLMP]): NTLMv2 with a message integrity code and channel binding, for authentication only.
//!
//! There is no NTLMv1, no LM response, no signing and no sealing, and hence no key exchange (which would need RC4): HTTP
//! protects what follows by TLS. Messages are encoded and decoded in both directions; [`NtlmClient`] is the client's side.

mod av_pair;
mod client;
mod flags;
mod keys;
mod message;
mod utf16;

pub use av_pair::{AvPairs, av_flag, av_id};
pub use client::{NtlmClient, NtlmContext, NtlmError};
pub use flags::negotiate_flag;
pub use keys::{ResponseKey, filetime, message_integrity_code, same};
pub use message::{Authenticate, Challenge, MAX_MESSAGE, Negotiate, SIGNATURE};
