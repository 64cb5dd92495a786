//! RopLogon and RopRelease ([MS-OXCROPS] 2.2.3.1, 2.2.15.3).

use crate::ErrorCode;
use crate::id::{FolderId, Guid};
use crate::wire::{Reader, WireResult, Writer};

use super::ResponseContext;
use super::codec::{Answer, Wire, latin1, wire_struct};

/// RopLogon request ([MS-OXCROPS] 2.2.3.1.1). The head's index is the output handle index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogonRequest {
    /// 1 private, 2 undercover, 4 ghosted.
    pub logon_flags: u8,
    /// 1 admin privilege, 2 public, 4 home logon, 8 take ownership, 0x100 alternate server, 0x200 ignore home MDB,
    /// 0x400 no mail, 0x01000000 per-MDB replica ids, 0x20000000 progress.
    pub open_flags: u32,
    /// 0.
    pub store_state: u32,
    /// Distinguished name of the mailbox, ASCII; empty is allowed for public logons.
    pub essdn: String,
}

impl LogonRequest {
    /// The bit of `logon_flags` that asks for a private mailbox.
    pub const PRIVATE: u8 = 0x01;
    /// OpenFlags of a mailbox logon: home logon, the old store's and per-mailbox replica ids, no mail transport.
    pub const MAILBOX_OPEN_FLAGS: u32 = 0x0100_040C;

    /// The logon to the mailbox `essdn`.
    pub fn mailbox(essdn: impl Into<String>) -> Self {
        Self { logon_flags: Self::PRIVATE, open_flags: Self::MAILBOX_OPEN_FLAGS, store_state: 0, essdn: essdn.into() }
    }

    /// Whether a private mailbox is asked for.
    pub fn is_private(&self) -> bool {
        self.logon_flags & Self::PRIVATE != 0
    }
}

impl Wire for LogonRequest {
    const MIN_SIZE: usize = 11;

    fn get(reader: &mut Reader<'_>, _: &'static str) -> WireResult<Self> {
        let logon_flags = reader.u8("LogonFlags")?;
        let open_flags = reader.u32("OpenFlags")?;
        let store_state = reader.u32("StoreState")?;
        let size = usize::from(reader.u16("EssdnSize")?);
        let mut inner = reader.sub(size, "Essdn")?;
        let essdn = if size == 0 { String::new() } else { inner.z8_text("Essdn")? };
        inner.finish("Essdn")?;
        Ok(Self { logon_flags, open_flags, store_state, essdn })
    }

    fn put(&self, writer: &mut Writer) {
        writer.u8(self.logon_flags).u32(self.open_flags).u32(self.store_state);
        if self.essdn.is_empty() {
            writer.u16(0);
        } else {
            let essdn = latin1(&self.essdn);
            writer.len16(essdn.len() + 1).z8(&essdn);
        }
    }
}

wire_struct! {
    /// LogonTime ([MS-OXCROPS] 2.2.3.1.2.1): the server's time of the logon, UTC.
    pub struct LogonTime {
        pub seconds: u8,
        pub minutes: u8,
        pub hour: u8,
        /// 0 is Sunday.
        pub day_of_week: u8,
        pub day: u8,
        /// 1 is January.
        pub month: u8,
        pub year: u16,
    }

    /// RopLogon success response for a private mailbox ([MS-OXCROPS] 2.2.3.1.2).
    pub struct PrivateLogon {
        pub logon_flags: u8,
        /// See [`special_folder`].
        pub folder_ids: [FolderId; 13],
        /// 1 always, 2 owner right, 4 send-as right, 0x10 out of office is on.
        pub response_flags: u8,
        pub mailbox_guid: Guid,
        /// A replica id that need not belong to any object: ask RopLongTermIdFromId for those of objects.
        pub repl_id: u16,
        pub repl_guid: Guid,
        pub logon_time: LogonTime,
        pub gwart_time: u64,
        pub store_state: u32,
    }

    /// RopLogon success response for public folders ([MS-OXCROPS] 2.2.3.1.3).
    pub struct PublicLogon {
        pub logon_flags: u8,
        /// 0 root, 1 IPM subtree, 2 non-IPM subtree, 3 EForms registry, 4 free/busy, 5 offline address book,
        /// 6 localised EForms, 7 local free/busy, 8 local offline address book, 9 NNTP index, 10 to 12 empty.
        pub folder_ids: [FolderId; 13],
        pub repl_id: u16,
        pub repl_guid: Guid,
        pub per_user_guid: Guid,
    }
}

impl Wire for [FolderId; 13] {
    const MIN_SIZE: usize = 104;

    fn get(reader: &mut Reader<'_>, context: &'static str) -> WireResult<Self> {
        let mut ids = [FolderId::default(); 13];
        for id in &mut ids {
            *id = FolderId::decode(reader, context)?;
        }
        Ok(ids)
    }

    fn put(&self, writer: &mut Writer) {
        self.iter().for_each(|id| id.encode(writer));
    }
}

/// Positions in [`PrivateLogon::folder_ids`] ([MS-OXCSTOR] 2.2.1.1.3).
#[allow(missing_docs, reason = "the names say what the folders are")]
pub mod special_folder {
    pub const ROOT: usize = 0;
    pub const DEFERRED_ACTION: usize = 1;
    pub const SPOOLER_QUEUE: usize = 2;
    pub const IPM_SUBTREE: usize = 3;
    pub const INBOX: usize = 4;
    pub const OUTBOX: usize = 5;
    pub const SENT_ITEMS: usize = 6;
    pub const DELETED_ITEMS: usize = 7;
    pub const COMMON_VIEWS: usize = 8;
    pub const SCHEDULE: usize = 9;
    pub const SEARCH: usize = 10;
    pub const VIEWS: usize = 11;
    pub const SHORTCUTS: usize = 12;
}

/// RopLogon response ([MS-OXCROPS] 2.2.3.1.2 to 2.2.3.1.4).
#[derive(Debug, Clone, PartialEq)]
pub enum LogonResponse {
    /// Success, private mailbox.
    Private(PrivateLogon),
    /// Success, public folders.
    Public(PublicLogon),
    /// ReturnValue ecWrongServer: the mailbox lives elsewhere.
    Redirect {
        /// LogonFlags of the request.
        logon_flags: u8,
        /// Distinguished name of the right server, ASCII.
        server_name: String,
    },
}

impl Answer for LogonResponse {
    fn get_answer(
        reader: &mut Reader<'_>,
        return_value: ErrorCode,
        context: &ResponseContext,
    ) -> WireResult<Option<Self>> {
        if return_value == ErrorCode::WRONG_SERVER {
            let logon_flags = reader.u8("LogonFlags")?;
            let size = usize::from(reader.u8("ServerNameSize")?);
            let mut inner = reader.sub(size, "ServerName")?;
            let server_name = if size == 0 { String::new() } else { inner.z8_text("ServerName")? };
            return Ok(Some(Self::Redirect { logon_flags, server_name }));
        }
        if !return_value.is_success() {
            return Ok(None);
        }
        Ok(Some(match context {
            ResponseContext::Logon { private: false } => Self::Public(Wire::get(reader, "RopLogon response")?),
            _ => Self::Private(Wire::get(reader, "RopLogon response")?),
        }))
    }

    fn put_answer(&self, writer: &mut Writer, _: ErrorCode) {
        match self {
            Self::Private(logon) => Wire::put(logon, writer),
            Self::Public(logon) => Wire::put(logon, writer),
            Self::Redirect { logon_flags, server_name } => {
                let mut name = latin1(server_name);
                name.truncate(254);
                writer.u8(*logon_flags);
                if name.is_empty() {
                    writer.u8(0);
                } else {
                    writer.u8(u8::try_from(name.len() + 1).unwrap_or(u8::MAX)).z8(&name);
                }
            }
        }
    }
}
