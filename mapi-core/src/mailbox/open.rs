use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::client::{Client, ClientError};
use crate::id::{FolderId, Gid, LongTermId, ObjectId};
use crate::property::{PropertyName, PropertyTag, PropertyValue, tags};
use crate::rop::{
    GetPropertiesSpecificRequest, GetPropertyIdsFromNamesRequest, IdFromLongTermIdRequest, LogonRequest, LogonResponse,
    LongTermIdFromIdRequest, OpenFolderRequest, RegisterNotificationRequest, RequestBody, ResponseBody, RopId,
    notification_flags, special_folder,
};

use super::info::folder_of_entry_id;
use super::link::{Answers, Link, OnFailure, odd_answer};
use super::names::Names;
use super::script::Ticket;
use super::transport::SessionTransport;
use super::{ExecuteChannel, Inner, Mailbox, MailboxError, MailboxInfo, SpecialFolders};

/// What to prepare when a mailbox is opened.
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    /// Named properties to be mapped at once; others are mapped when they are first needed, at a request each time.
    pub names: Vec<PropertyName>,
    /// Subscribe to everything that happens in the mailbox. [`Mailbox::changes`] and the pairs of
    /// [`Mailbox::move_copy`] live on it.
    pub subscribe: bool,
}

const DRAFTS: usize = 0;
const OTHERS: usize = 1;
const ARCHIVE: usize = 2;
/// Where the EntryIDs of special folders are kept, on the Inbox and on the root folder.
const ENTRY_IDS: [PropertyTag; 3] =
    [tags::PidTagIpmDraftsEntryId, tags::PidTagAdditionalRenEntryIds, tags::PidTagIpmArchiveEntryId];
/// Index of Junk E-mail in PidTagAdditionalRenEntryIds ([MS-OXOSFLD] 2.2.4).
const JUNK_INDEX: usize = 4;

impl Mailbox {
    /// Logs on to the mailbox with distinguished name `legacy_dn`, on a session context that is open. Two Execute
    /// requests, seldom three.
    ///
    /// # Errors
    /// E.g. ecUnknownUser, ecLoginPerm, ecWrongServer (the mailbox is on another server). [`ClientError::Busy`] also for a
    /// logon that is refused because there were too many (ecServerPaused, [MS-OXCSTOR] 3.2.5.1.3).
    pub async fn open(client: Client, legacy_dn: &str, options: OpenOptions) -> Result<Self, MailboxError> {
        Self::open_over(Arc::new(SessionTransport::new(client)), legacy_dn, options).await
    }

    /// [`Mailbox::open`] over any transport.
    pub async fn open_over(
        transport: Arc<dyn ExecuteChannel>,
        legacy_dn: &str,
        options: OpenOptions,
    ) -> Result<Self, MailboxError> {
        let link = Link::new(transport);
        let mut script = link.script();
        let (slot, ticket) = script.log_on(RequestBody::Logon(LogonRequest::mailbox(legacy_dn)));
        let answers = link.run(&mut script, OnFailure::Stop).await.map_err(busy)?;
        let (ResponseBody::Logon(LogonResponse::Private(answer)), Some(logon)) =
            (answers.body(ticket)?, script.take(slot))
        else {
            return Err(odd_answer(RopId::LOGON));
        };
        let folder = |index: usize| answer.folder_ids[index];
        let (root, inbox) = (folder(special_folder::ROOT), folder(special_folder::INBOX));

        let mut script = link.script();
        let store = script.known(&logon);
        let replica = script.rop(store, RequestBody::LongTermIdFromId(LongTermIdFromIdRequest { object_id: inbox }));
        let owner = script.rop(store, get_properties(&[tags::PidTagMailboxOwnerName]));
        let mut entry_ids = Vec::new();
        for folder_id in [inbox, root] {
            let open = OpenFolderRequest { output_handle_index: 0, folder_id, open_mode_flags: 0 };
            let (folder, _) = script.open(store, RequestBody::OpenFolder(open));
            entry_ids.push(script.rop(folder, get_properties(&ENTRY_IDS)));
            script.release(folder);
        }
        let subscription = options.subscribe.then(|| {
            let request = RegisterNotificationRequest {
                output_handle_index: 0,
                notification_types: notification_flags::ALL_OBJECT_EVENTS,
                reserved: 0,
                scope: None,
            };
            script.open(store, RequestBody::RegisterNotification(request))
        });
        let names = (!options.names.is_empty()).then(|| {
            let request = GetPropertyIdsFromNamesRequest {
                flags: GetPropertyIdsFromNamesRequest::CREATE,
                property_names: options.names.clone(),
            };
            script.rop(store, RequestBody::GetPropertyIdsFromNames(request))
        });
        let answers = link.run(&mut script, OnFailure::GoOn).await?;
        let ResponseBody::LongTermIdFromId(long) = answers.body(replica)? else {
            return Err(odd_answer(RopId::LONG_TERM_ID_FROM_ID));
        };
        let replica_guid = long.long_term_id.gid.replica_guid;
        let subscription = match subscription {
            Some((slot, ticket)) => {
                answers.body(ticket)?;
                script.take(slot)
            }
            None => None,
        };
        let mapped = Names::default();
        if let Some(ticket) = names {
            let ResponseBody::GetPropertyIdsFromNames(ids) = answers.body(ticket)? else {
                return Err(odd_answer(RopId::GET_PROPERTY_IDS_FROM_NAMES));
            };
            mapped.learn(&options.names, &ids.property_ids);
        }
        let owner_name = match answers.body(owner) {
            Ok(ResponseBody::GetPropertiesSpecific(got)) => got.row.values.first().and_then(|v| v.value()?.as_str()),
            _ => None,
        }
        .map(str::to_owned);

        // Inbox first, root second; what neither has does not exist.
        let mut found: [Option<Gid>; 3] = [None; 3];
        for ticket in entry_ids {
            let Ok(ResponseBody::GetPropertiesSpecific(got)) = answers.body(ticket) else { continue };
            for (index, value) in got.row.values.iter().enumerate() {
                let bytes = match value.value() {
                    Some(PropertyValue::Binary(bytes)) => Some(bytes),
                    Some(PropertyValue::MultipleBinary(list)) => list.get(JUNK_INDEX),
                    _ => None,
                };
                if let Some(place @ None) = found.get_mut(index) {
                    *place = bytes.and_then(|bytes| folder_of_entry_id(bytes));
                }
            }
        }
        drop(script);

        let info = MailboxInfo {
            mailbox_guid: answer.mailbox_guid,
            replica_guid,
            replica_id: inbox.replica_id,
            folders: SpecialFolders {
                root,
                ipm_subtree: folder(special_folder::IPM_SUBTREE),
                inbox,
                outbox: folder(special_folder::OUTBOX),
                sent_items: folder(special_folder::SENT_ITEMS),
                deleted_items: folder(special_folder::DELETED_ITEMS),
                drafts: None,
                junk: None,
                archive: None,
            },
            owner: answer.response_flags & 0x02 != 0,
            send_as: answer.response_flags & 0x04 != 0,
            out_of_office: answer.response_flags & 0x10 != 0,
            owner_name,
        };
        let replicas = HashMap::from([(info.replica_id, replica_guid)]);
        let mut inner = Inner {
            link,
            logon,
            subscription,
            info,
            names: mapped,
            replicas: Mutex::new(replicas),
            plain_query_rows: std::sync::atomic::AtomicBool::new(false),
            fetching: std::sync::Arc::new(tokio::sync::Semaphore::new(super::MAX_SOURCES)),
        };
        let special = inner.folders_of(found).await?;
        let folders = &mut inner.info.folders;
        (folders.drafts, folders.junk, folders.archive) = (special[DRAFTS], special[OTHERS], special[ARCHIVE]);
        Ok(Self { inner: Arc::new(inner) })
    }
}

impl Inner {
    /// The folder ids of global ids; asks the server only about foreign replicas.
    async fn folders_of(&self, found: [Option<Gid>; 3]) -> Result<[Option<FolderId>; 3], MailboxError> {
        let mut out = [None; 3];
        let mut script = self.link.script();
        let store = script.known(&self.logon);
        let mut asked = Vec::new();
        for (place, gid) in out.iter_mut().zip(found) {
            match gid {
                Some(gid) if gid.replica_guid == self.info.replica_guid => {
                    *place = Some(ObjectId { replica_id: self.info.replica_id, counter: gid.counter });
                }
                Some(gid) => {
                    let request = IdFromLongTermIdRequest { long_term_id: LongTermId::from(gid) };
                    asked.push((place, script.rop(store, RequestBody::IdFromLongTermId(request))));
                }
                None => {}
            }
        }
        if !asked.is_empty() {
            let answers = self.link.run(&mut script, OnFailure::GoOn).await?;
            for (place, ticket) in asked {
                if let Ok(ResponseBody::IdFromLongTermId(found)) = answers.body(ticket) {
                    *place = Some(found.object_id);
                }
            }
        }
        Ok(out)
    }
}

/// A logon that is refused for now is to be waited for as any other request to a busy server.
fn busy(error: MailboxError) -> MailboxError {
    match error {
        MailboxError::Upstream { code, .. } if code.is_busy() => ClientError::busy_logon(code).into(),
        error => error,
    }
}

/// What a RopGetPropertiesSpecific of PidTagChangeKey told.
pub(super) fn told_key(answers: &Answers, ticket: Ticket) -> Option<Vec<u8>> {
    match answers.body(ticket) {
        Ok(ResponseBody::GetPropertiesSpecific(got)) => {
            got.row.values.first().and_then(|v| v.value()?.as_bytes()).map(<[u8]>::to_vec)
        }
        _ => None,
    }
}

/// RopGetPropertiesSpecific in Unicode without a limit of its own.
pub(super) fn get_properties(tags: &[PropertyTag]) -> RequestBody {
    RequestBody::GetPropertiesSpecific(GetPropertiesSpecificRequest {
        property_size_limit: 0,
        want_unicode: true,
        property_tags: tags.to_vec(),
    })
}
