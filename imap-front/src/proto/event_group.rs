use std::collections::BTreeSet;

/// What of some mailboxes is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventGroup {
    /// Of which.
    pub filter: MailboxFilter,
    /// What.
    pub events: Events,
}

/// Which mailboxes are meant (RFC 5465 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailboxFilter {
    /// `personal`, and `inboxes`: mail may be delivered anywhere (RFC 5465 6.3).
    Personal,
    /// Those that are subscribed.
    Subscribed,
    /// These and all below them.
    Subtree(BTreeSet<String>),
    /// These.
    Mailboxes(BTreeSet<String>),
}

impl EventGroup {
    /// How many mailboxes are named.
    pub fn names(&self) -> usize {
        match &self.filter {
            MailboxFilter::Personal | MailboxFilter::Subscribed => 0,
            MailboxFilter::Subtree(names) | MailboxFilter::Mailboxes(names) => names.len(),
        }
    }

    /// Whether a mailbox is meant that has this name, and is subscribed or not.
    pub fn has(&self, name: &str, subscribed: bool) -> bool {
        match &self.filter {
            MailboxFilter::Personal => true,
            MailboxFilter::Subscribed => subscribed,
            MailboxFilter::Mailboxes(names) => names.contains(name),
            MailboxFilter::Subtree(names) => {
                let mut all = std::iter::successors(Some(name), |name| name.rsplit_once('/').map(|(above, _)| above));
                all.any(|name| names.contains(name))
            }
        }
    }
}

/// Kinds of events (RFC 5465 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an event by itself")]
pub struct Events {
    /// MessageNew and MessageExpunge.
    pub messages: bool,
    /// FlagChange.
    pub flags: bool,
    /// MailboxName.
    pub names: bool,
    /// SubscriptionChange.
    pub subscriptions: bool,
    /// MailboxMetadataChange.
    pub metadata: bool,
    /// ServerMetadataChange, of whatever mailboxes the group is.
    pub server_metadata: bool,
}

impl Events {
    /// All of both.
    pub fn with(self, others: Self) -> Self {
        Self {
            messages: self.messages || others.messages,
            flags: self.flags || others.flags,
            names: self.names || others.names,
            subscriptions: self.subscriptions || others.subscriptions,
            metadata: self.metadata || others.metadata,
            server_metadata: self.server_metadata || others.server_metadata,
        }
    }

    /// Whether all of them are of messages (RFC 5465 6.1).
    pub fn is_of_messages(self) -> bool {
        self == Self { messages: self.messages, flags: self.flags, ..Self::default() }
    }
}
