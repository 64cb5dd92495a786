//! The named properties that the gateway keeps in mailboxes: the only ones of its own, all in one property set
//! ([MS-OXPROPS] 1.3.2).

use mapi_core::id::Guid;
use mapi_core::property::{PropertyKey, PropertyName, PropertyType};

/// The property set.
const SET: Guid = Guid::from_groups(0x6b1d_4c4e, 0x7a0f, 0x4e0b, 0x9f3a, 0x5c2d_91e8_a7f6);

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnProperty {
    name: &'static str,
    kind: PropertyType,
}

/// The bytes of an appended message, on the message: see [`crate::convert::original`].
pub const ORIGINAL: OwnProperty = OwnProperty { name: "Original", kind: PropertyType::BINARY };
/// The digest of the content that an original is of, on the message: see [`crate::convert::original`].
pub const ORIGINAL_CONTENT: OwnProperty = OwnProperty { name: "OriginalContent", kind: PropertyType::BINARY };
/// What ledgers reached, on the folder: see [`crate::ledger::Epoch`].
pub const EPOCH: OwnProperty = OwnProperty { name: "Epoch", kind: PropertyType::BINARY };
/// Which names clients subscribed, on the IPM subtree: see [`crate::convert::subscriptions`].
pub const SUBSCRIPTIONS: OwnProperty = OwnProperty { name: "Subscriptions", kind: PropertyType::BINARY };
/// Private metadata, on the folder that it is of, and that of the server on the IPM subtree: see [`crate::convert::metadata`].
pub const METADATA: OwnProperty = OwnProperty { name: "Metadata", kind: PropertyType::BINARY };
/// Whether clients subscribed it, on the folder: written by versions before there was [`SUBSCRIPTIONS`], whose word counts
/// for more, and only read now.
pub const SUBSCRIBED: OwnProperty = OwnProperty { name: "Subscribed", kind: PropertyType::BOOLEAN };
/// The mark of a submission, on the message: see [`crate::operation::mark`].
pub const SUBMISSION: OwnProperty = OwnProperty { name: "Submission", kind: PropertyType::STRING };
/// Written and removed again by `check`, on the root folder.
pub const CHECK: OwnProperty = OwnProperty { name: "Check", kind: PropertyType::BOOLEAN };

/// Those that mailboxes keep.
pub const KEPT: [OwnProperty; 7] = [ORIGINAL, ORIGINAL_CONTENT, EPOCH, SUBSCRIPTIONS, METADATA, SUBSCRIBED, SUBMISSION];

impl OwnProperty {
    /// Its name.
    pub fn name(self) -> PropertyName {
        PropertyName::string(SET, self.name)
    }

    /// It with its type.
    pub fn key(self) -> PropertyKey {
        PropertyKey::Named(self.name(), self.kind)
    }
}
