use super::shows::Shows;

/// The extensions that change what the client is told unasked, once it has asked for them. They stay until the connection ends.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Enabled {
    condstore: bool,
    qresync: bool,
    uid_only: bool,
    utf8: bool,
}

impl Enabled {
    /// Enables an extension by its name in CAPABILITY (RFC 5161); false if it is none of those that can be enabled.
    pub fn enable(&mut self, name: &str) -> bool {
        match name {
            "CONDSTORE" => self.condstore = true,
            // RFC 7162 3.2.3
            "QRESYNC" => (self.condstore, self.qresync) = (true, true),
            "UIDONLY" => self.uid_only = true,
            "UTF8=ACCEPT" => self.utf8 = true,
            _ => return false,
        }
        true
    }

    /// FETCH responses that the client did not ask for tell UID and MODSEQ (RFC 7162 3.1, 3.2.4), and STORE tells the new MODSEQ even
    /// if it is to be silent.
    pub fn condstore(&self) -> bool {
        self.condstore
    }

    /// The client may ask for what it missed, and is told of messages that go by VANISHED instead of EXPUNGE (RFC 7162 3.2.3,
    /// 3.2.10).
    pub fn qresync(&self) -> bool {
        self.qresync
    }

    /// Message numbers are neither told nor taken (RFC 9586).
    pub fn uid_only(&self) -> bool {
        self.uid_only
    }

    /// Mailbox names are in UTF-8, and strings may be quoted in UTF-8 (RFC 9755).
    pub fn utf8(&self) -> bool {
        self.utf8
    }

    /// Messages that go are told by VANISHED.
    pub fn vanished(&self) -> bool {
        self.qresync || self.uid_only
    }

    /// What is shown of messages that changed, with their UIDs if `uid`.
    pub fn shows(&self, uid: bool) -> Shows {
        let uid = (uid || self.condstore) && !self.uid_only;
        Shows { uid_only: self.uid_only, uid, flags: true, modseq: self.condstore }
    }

    /// The client used CONDSTORE without ENABLE; true if that is news.
    pub(super) fn use_condstore(&mut self) -> bool {
        !std::mem::replace(&mut self.condstore, true)
    }
}
