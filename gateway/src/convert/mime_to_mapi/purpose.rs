use mail_core::{FlagSet, Keywords};
use mapi_core::property::FileTime;

/// What becomes of the message.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// It is stored in a folder.
    Append {
        /// Its flags: `\Seen` and `\Draft` become PidTagMessageFlags, the others and the keywords are set with the
        /// properties of [`crate::convert::flags::edit`].
        flags: FlagSet,
        /// Its keywords.
        keywords: &'a Keywords,
        /// INTERNALDATE.
        internal_date: FileTime,
    },
    /// It is sent. The account's owner is its sender unless `From` names somebody else.
    Submit {
        /// The addresses of the account's owner.
        own_addresses: &'a [String],
        /// The envelope's recipients: everybody it goes to.
        recipients: &'a [String],
    },
}
