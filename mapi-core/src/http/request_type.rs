use std::fmt;

/// The two services of a MAPI/HTTP server, each with session contexts of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The mailbox store, usually `/mapi/emsmdb/`.
    Mailbox,
    /// The address book, usually `/mapi/nspi/`.
    AddressBook,
}

/// Value of X-RequestType ([MS-OXCMAPIHTTP] 2.2.3.3.1).
#[allow(missing_docs, reason = "the names are those of the header value")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RequestType {
    Connect,
    Execute,
    Disconnect,
    NotificationWait,
    Ping,
    Bind,
    Unbind,
    CompareMIds,
    DnToMId,
    GetMatches,
    GetPropList,
    GetProps,
    GetSpecialTable,
    GetTemplateInfo,
    ModLinkAtt,
    ModProps,
    QueryColumns,
    QueryRows,
    ResolveNames,
    ResortRestriction,
    SeekEntries,
    UpdateStat,
    GetMailboxUrl,
    GetAddressBookUrl,
}

impl RequestType {
    /// All of them, those of the mailbox endpoint first.
    pub const ALL: [Self; 24] = [
        Self::Connect,
        Self::Execute,
        Self::Disconnect,
        Self::NotificationWait,
        Self::Ping,
        Self::Bind,
        Self::Unbind,
        Self::CompareMIds,
        Self::DnToMId,
        Self::GetMatches,
        Self::GetPropList,
        Self::GetProps,
        Self::GetSpecialTable,
        Self::GetTemplateInfo,
        Self::ModLinkAtt,
        Self::ModProps,
        Self::QueryColumns,
        Self::QueryRows,
        Self::ResolveNames,
        Self::ResortRestriction,
        Self::SeekEntries,
        Self::UpdateStat,
        Self::GetMailboxUrl,
        Self::GetAddressBookUrl,
    ];

    /// The header value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "Connect",
            Self::Execute => "Execute",
            Self::Disconnect => "Disconnect",
            Self::NotificationWait => "NotificationWait",
            Self::Ping => "PING",
            Self::Bind => "Bind",
            Self::Unbind => "Unbind",
            Self::CompareMIds => "CompareMIds",
            Self::DnToMId => "DNToMId",
            Self::GetMatches => "GetMatches",
            Self::GetPropList => "GetPropList",
            Self::GetProps => "GetProps",
            Self::GetSpecialTable => "GetSpecialTable",
            Self::GetTemplateInfo => "GetTemplateInfo",
            Self::ModLinkAtt => "ModLinkAtt",
            Self::ModProps => "ModProps",
            Self::QueryColumns => "QueryColumns",
            Self::QueryRows => "QueryRows",
            Self::ResolveNames => "ResolveNames",
            Self::ResortRestriction => "ResortRestriction",
            Self::SeekEntries => "SeekEntries",
            Self::UpdateStat => "UpdateStat",
            Self::GetMailboxUrl => "GetMailboxUrl",
            Self::GetAddressBookUrl => "GetAddressBookUrl",
        }
    }

    /// The request type of a header value, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(text.trim()))
    }

    /// Its position in [`RequestType::ALL`]: an index for tables of counters.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The endpoint that takes it; PING is for both.
    pub fn endpoint(self) -> Option<Endpoint> {
        match self {
            Self::Ping => None,
            Self::Connect | Self::Execute | Self::Disconnect | Self::NotificationWait => Some(Endpoint::Mailbox),
            _ => Some(Endpoint::AddressBook),
        }
    }
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_indexes_are_inverse() {
        for (index, kind) in RequestType::ALL.into_iter().enumerate() {
            assert_eq!(RequestType::parse(kind.name()), Some(kind));
            assert_eq!(RequestType::parse(&kind.name().to_ascii_uppercase()), Some(kind));
            assert_eq!(kind.index(), index);
        }
        assert_eq!(RequestType::parse("Frobnicate"), None);
    }
}
