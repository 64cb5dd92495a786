use crate::ErrorCode;
use crate::id::{FolderId, Gid, MessageId};
use crate::message::PropertyBag;
use crate::property::{PropertyKey, tags};
use crate::rop::{
    DeletePropertiesRequest, OpenMessageRequest, RequestBody, RopId, SaveChangesMessageRequest, SetPropertiesRequest,
};

use super::link::Answers;
use super::open::{get_properties, told_key};
use super::opening::{OpenPlan, Opening, Work};
use super::script::{Script, Slot, Ticket};
use super::update::check_problems;
use super::{Inner, Mailbox, MailboxError};

/// A change of a message's properties.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageUpdate {
    /// The message.
    pub mid: MessageId,
    /// Properties to set.
    pub set: PropertyBag,
    /// Properties to remove. Those the message does not have are no error.
    pub delete: Vec<PropertyKey>,
}

/// A change of the properties of a message that is named beyond one session.
#[derive(Debug, Clone, PartialEq)]
pub struct GidUpdate {
    /// The message.
    pub gid: Gid,
    /// Properties to set.
    pub set: PropertyBag,
    /// Properties to remove. Those the message does not have are no error.
    pub delete: Vec<PropertyKey>,
}

/// A change that was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Updated {
    /// PidTagChangeKey of the message as it was when it was opened for the change, if the server told it. What others save
    /// between that and the save, within one request, is not seen.
    pub before: Option<Vec<u8>>,
    /// PidTagChangeKey after the save, if the server told it.
    pub after: Option<Vec<u8>>,
}

/// Changes of messages of one folder, which are made over one session or, should it be lost, over several: what was
/// achieved stays here, and [`MessageUpdates::run`] goes on where it was.
///
/// Each change overrides what others saved meanwhile (ForceSave, [MS-OXCMSG] 2.2.3.3.1) and is harmless to repeat.
#[derive(Debug)]
pub struct MessageUpdates {
    changes: Vec<Change>,
    results: Vec<Option<Result<Updated, MailboxError>>>,
    plan: OpenPlan,
}

#[derive(Debug)]
struct Change {
    key: Key,
    set: PropertyBag,
    delete: Vec<PropertyKey>,
}

/// Ids of messages die with their session, global ids don't.
#[derive(Debug, Clone, Copy)]
enum Key {
    Mid(MessageId),
    Gid(Gid),
}

impl MessageUpdates {
    /// Nothing is sent yet.
    pub fn new(updates: impl IntoIterator<Item = GidUpdate>) -> Self {
        Self::of(updates.into_iter().map(|u| Change { key: Key::Gid(u.gid), set: u.set, delete: u.delete }).collect())
    }

    fn of(changes: Vec<Change>) -> Self {
        let results = changes.iter().map(|_| None).collect();
        Self { changes, results, plan: OpenPlan::default() }
    }

    /// Makes the changes that have no result yet, over `mailbox`, where the folder has the id `folder`. About 28 messages
    /// with one recipient per Execute request; see [`OpenPlan`]. Messages that are not there (any more) have ecNotFound for
    /// a result.
    ///
    /// Dropping the future keeps the results that came before; what was sent runs to its end.
    ///
    /// # Errors
    /// What stops the whole run, with all results so far kept: after a lost session call this again over another one. An
    /// answer that could not be read makes the next run more careful. With an error that is busy, changes are left that the
    /// server put off.
    pub async fn run(&mut self, mailbox: &Mailbox, folder: FolderId) -> Result<(), MailboxError> {
        let inner = &*mailbox.inner;
        let Self { changes, results, plan } = self;
        let open = |number: &usize| matches!(results.get(*number), Some(None));
        let pending: Vec<usize> = (0..changes.len()).filter(open).collect();
        let of_pending = || pending.iter().filter_map(|number| changes.get(*number));
        let keys = of_pending().flat_map(|c| c.set.iter().map(|(key, _)| key).chain(&c.delete));
        inner.resolve(keys.collect(), true).await?;
        let gid = |change: &Change| match change.key {
            Key::Gid(gid) => Some(gid),
            Key::Mid(_) => None,
        };
        mailbox.meet(&of_pending().filter_map(gid).collect::<Vec<_>>()).await?;

        let mut todo = Vec::with_capacity(pending.len());
        for number in pending {
            let id = changes.get(number).and_then(|change| match change.key {
                Key::Mid(id) => Some(id),
                Key::Gid(gid) => mailbox.id_of(gid),
            });
            match (id, results.get_mut(number)) {
                (Some(id), _) => todo.push((number, id)),
                (None, Some(result)) => {
                    *result =
                        Some(Err(MailboxError::Upstream { rop: RopId::OPEN_MESSAGE, code: ErrorCode::NOT_FOUND }));
                }
                (None, None) => {}
            }
        }
        let mut put_off = None;
        let mut on_result = |number: usize, done: Result<Updated, MailboxError>| match (done, results.get_mut(number)) {
            (Err(error), _) if error.code().is_some_and(ErrorCode::is_busy) => put_off = Some(error),
            (done, Some(result)) => *result = Some(done),
            (_, None) => {}
        };
        let work = Updating { changes };
        Opening { inner, folder, work: &work, plan, on_result: &mut on_result }.run(&todo).await?;
        put_off.map_or(Ok(()), Err)
    }

    /// Changes without a result.
    pub fn left(&self) -> usize {
        self.results.iter().filter(|result| result.is_none()).count()
    }

    /// What was learned about the sizes of answers, to be used for reading from the same folder, too.
    pub fn plan_mut(&mut self) -> &mut OpenPlan {
        &mut self.plan
    }

    /// The results so far, in the order of the changes; `None` where there is none yet.
    pub fn into_results(self) -> Vec<Option<Result<Updated, MailboxError>>> {
        self.results
    }
}

impl Mailbox {
    /// Sets and removes properties of messages, overriding what others saved meanwhile. One result per update; about 28
    /// updates per Execute request. Harmless to repeat. [`MessageUpdates`] does the same and keeps results over the loss
    /// of a session.
    ///
    /// # Errors
    /// Only what stops the whole run; some updates may have been made then.
    pub async fn update_messages(
        &self,
        folder: FolderId,
        updates: &[MessageUpdate],
    ) -> Result<Vec<Result<Updated, MailboxError>>, MailboxError> {
        let change = |u: &MessageUpdate| Change { key: Key::Mid(u.mid), set: u.set.clone(), delete: u.delete.clone() };
        let mut all = MessageUpdates::of(updates.iter().map(change).collect());
        all.run(self, folder).await?;
        Ok(all.into_results().into_iter().flatten().collect())
    }
}

/// Opens, sets, deletes, saves.
struct Updating<'a> {
    changes: &'a [Change],
}

/// What one update was sent as.
struct Sent {
    before: Ticket,
    set: Option<Ticket>,
    save: Ticket,
    after: Ticket,
}

impl Work for Updating<'_> {
    type Done = Updated;
    type Sent = Sent;
    const MODE: u8 = OpenMessageRequest::READ_WRITE;

    fn plan(&self, inner: &Inner, script: &mut Script<'_>, message: Slot, number: usize) -> Sent {
        let key = || get_properties(&[tags::PidTagChangeKey]);
        let before = script.rop(message, key());
        let mut set = None;
        if let Some(change) = self.changes.get(number) {
            let property_values = inner.tagged(&change.set);
            if !property_values.is_empty() {
                let request = SetPropertiesRequest { property_values };
                set = Some(script.rop(message, RequestBody::SetProperties(request)));
            }
            let property_tags: Vec<_> = change.delete.iter().filter_map(|key| inner.names.tag(key)).collect();
            if !property_tags.is_empty() {
                script.rop(message, RequestBody::DeleteProperties(DeletePropertiesRequest { property_tags }));
            }
        }
        // One flag alone: servers refuse combinations ([MS-OXCMSG] 2.2.3.3.1, R466).
        let save =
            SaveChangesMessageRequest { input_handle_index: 0, save_flags: SaveChangesMessageRequest::FORCE_SAVE };
        let save = script.rop_with(message, message, RequestBody::SaveChangesMessage(save));
        Sent { before, set, save, after: script.rop(message, key()) }
    }

    fn result(&self, answers: &Answers, sent: &Sent, _: usize) -> Result<Updated, MailboxError> {
        if let Some(ticket) = sent.set {
            check_problems(answers.answer(ticket)?)?;
        }
        answers.body(sent.save)?;
        Ok(Updated { before: told_key(answers, sent.before), after: told_key(answers, sent.after) })
    }
}
