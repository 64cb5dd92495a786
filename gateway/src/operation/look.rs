use mail_core::{FlagSet, Keywords};
use mapi_core::id::{Gid, MessageId};
use mapi_core::mailbox::{MailboxError, OpenPlan};
use mapi_core::property::{PropertyKey, PropertyType};

use super::{Attempt, Operation};
use crate::convert::flags;
use crate::line::kind::Kind;

/// Looks at the flags of messages themselves. Messages that are gone are left out.
pub(crate) struct LookAtFlags {
    folder: Gid,
    messages: Vec<Gid>,
    plan: OpenPlan,
}

impl LookAtFlags {
    /// Looks at `messages` of a folder.
    pub(crate) fn new(folder: Gid, messages: Vec<Gid>) -> Self {
        Self { folder, messages, plan: OpenPlan::default() }
    }
}

impl Operation for LookAtFlags {
    type Done = Vec<(Gid, FlagSet, Keywords)>;

    fn kind(&self) -> Kind {
        Kind::LookAtFlags
    }

    fn folder(&self) -> Option<Gid> {
        Some(self.folder)
    }

    async fn run(&mut self, attempt: &mut Attempt) -> Result<Self::Done, MailboxError> {
        let mailbox = attempt.mailbox();
        let keywords = PropertyKey::Named(flags::keywords_name(), PropertyType::MULTIPLE_STRING);
        let keys: Vec<_> = flags::FLAG_TAGS.into_iter().map(PropertyKey::Tag).chain([keywords]).collect();
        let folder = attempt.read(mailbox.resolve(self.folder)).await?;
        attempt.read(mailbox.meet(&self.messages)).await?;
        let ids: Vec<MessageId> = self.messages.iter().filter_map(|gid| mailbox.id_of(*gid)).collect();
        let found = attempt.read(mailbox.message_values(folder, &ids, &keys, &mut self.plan)).await?;
        let told = found.into_iter().filter_map(|(id, bag)| {
            let (flags, keywords) = flags::from_properties(&bag);
            Some((mailbox.gid_of(id)?, flags, keywords))
        });
        Ok(told.collect())
    }
}
