use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use mapi_core::ErrorCode;
use mapi_core::client::Client;
use mapi_core::id::{FolderId, Gid, ObjectId};
use mapi_core::property::PropertyTag;
use mapi_core::rop::{
    Expected, LogonRequest, LogonResponse, LongTermIdFromIdRequest, NO_HANDLE, NotifyResponse, PrivateLogon,
    RequestBody, RequestBuffer, Response, ResponseBody, ResponseBuffer, RopId, RopRequest, RopResponse, special_folder,
};

use super::super::{Person, Target, Trouble};

/// Index of the second handle of two-handle ROPs in the handle table.
const SECOND: u8 = 1;
/// Index of the handle that a ROP makes.
pub(crate) const OUT: u8 = 2;
/// MaxRopOut: one payload of 32 KiB, as large as it may be.
pub(crate) const ONE_PAYLOAD: u32 = 0x0001_0008;
/// How often a busy server is asked again.
pub(crate) const PATIENCE: usize = 20;

/// A session with one logon, whose operations go one by one; with a scratch folder, and with what a scenario has seen.
pub struct Bench {
    /// The server.
    pub(crate) target: Target,
    /// The scratch folder.
    pub(crate) folder: FolderId,
    /// A handle of it.
    pub(crate) handle: u32,
    seen: Vec<(String, String)>,
    pub(crate) client: Client,
    /// Handle of the logon.
    pub(crate) store: u32,
    pub(crate) logon: PrivateLogon,
    /// Notifications that came with answers and that nobody has taken yet.
    pub(crate) notes: Vec<NotifyResponse>,
    /// The server said that there are more.
    pub(crate) pending: bool,
    columns: HashMap<u32, Arc<[PropertyTag]>>,
}

/// The answer to one ROP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) rop: RopId,
    pub(crate) code: ErrorCode,
    pub(crate) body: ResponseBody,
    /// The handle it made.
    pub(crate) handle: u32,
}

impl Answer {
    /// The answer, unless the operation failed.
    pub(crate) fn ok(self) -> Result<Self, Trouble> {
        match self.code.is_success() {
            true => Ok(self),
            false => Err(Trouble::Refused { rop: self.rop, code: self.code }),
        }
    }

    /// What is due if the body is of another kind.
    pub(crate) fn odd<T>(&self) -> Result<T, Trouble> {
        Err(Trouble::Answer(self.rop))
    }
}

impl Bench {
    /// Opens a session and makes a scratch folder for the scenario `name`.
    ///
    /// # Errors
    /// What keeps the scenario from starting.
    pub async fn open(target: &Target, name: &str) -> Result<Self, Trouble> {
        let mut bench = Self::session(target, &target.user).await?;
        let parent = bench.open_folder(bench.special(special_folder::IPM_SUBTREE)).await?;
        let name = format!("conformance {name} {:08x}", rand::random::<u32>());
        (bench.folder, bench.handle) = bench.create_folder(parent, &name).await?;
        bench.release(parent).await?;
        bench.notes.clear();
        Ok(bench)
    }

    /// Another session, without a scratch folder.
    pub(crate) async fn session(target: &Target, person: &Person) -> Result<Self, Trouble> {
        let client = Client::new(&person.settings);
        client.connect().await?;
        Self::log_on(target, client, person.legacy_dn()).await
    }

    /// Logs on over a client that is connected; without a scratch folder.
    pub(crate) async fn log_on(target: &Target, client: Client, legacy_dn: &str) -> Result<Self, Trouble> {
        let body = RequestBody::Logon(LogonRequest::mailbox(legacy_dn));
        let request = RopRequest { logon_id: 0, handle_index: 0, body };
        let expected = Expected::of(std::slice::from_ref(&request), |_| Arc::new([]));
        let payload = RequestBuffer { requests: vec![request], handles: vec![NO_HANDLE] }.encode()?;
        let answers = client.execute(payload, ONE_PAYLOAD, false).await?;
        let buffers = ResponseBuffer::decode_chain(&answers, &expected)?;
        let Some(buffer) = buffers.first() else { return Err(Trouble::Answer(RopId::LOGON)) };
        let Some(RopResponse { return_value, body, .. }) = buffer.answers().next() else {
            return Err(Trouble::Answer(RopId::LOGON));
        };
        match (body, buffer.handles.first()) {
            (ResponseBody::Logon(LogonResponse::Private(logon)), Some(store)) => Ok(Self {
                target: target.clone(),
                folder: FolderId::default(),
                handle: NO_HANDLE,
                seen: Vec::new(),
                client,
                store: *store,
                logon: logon.clone(),
                notes: Vec::new(),
                pending: false,
                columns: HashMap::new(),
            }),
            _ => Err(Trouble::Refused { rop: RopId::LOGON, code: *return_value }),
        }
    }

    /// Logs on again over the same client, whose old context is gone; the scratch folder is the same.
    pub(crate) async fn log_on_again(&mut self) -> Result<(), Trouble> {
        let dn = self.target.user.legacy_dn();
        let fresh = Self::log_on(&self.target, self.client.clone(), dn).await?;
        let seen = std::mem::take(&mut self.seen);
        *self = Self { folder: self.folder, seen, ..fresh };
        self.handle = self.open_folder(self.folder).await?;
        Ok(())
    }

    /// Writes down a field.
    pub(crate) fn see(&mut self, field: &str, value: impl Display) {
        self.seen.push((field.to_owned(), value.to_string()));
    }

    /// Removes the scratch folder and ends the session; returns what was seen.
    pub(crate) async fn close(mut self) -> Vec<(String, String)> {
        if let Err(error) = self.clean_up().await {
            self.see("left behind", error);
        }
        self.end().await;
        self.seen
    }

    async fn clean_up(&mut self) -> Result<(), Trouble> {
        // The session may be what the scenario tore down.
        let mut fresh = Self::session(&self.target, &self.target.user).await?;
        let parent = fresh.open_folder(fresh.special(special_folder::IPM_SUBTREE)).await?;
        let removed = fresh.remove_folder(parent, self.folder).await;
        fresh.end().await;
        removed
    }

    /// A folder that the logon names ([`mapi_core::rop::special_folder`]).
    pub(crate) fn special(&self, index: usize) -> FolderId {
        self.logon.folder_ids.get(index).copied().unwrap_or_default()
    }

    /// One ROP on one object.
    pub(crate) async fn call(&mut self, on: u32, body: RequestBody) -> Result<Answer, Trouble> {
        self.call_as(0, on, on, body).await
    }

    /// One ROP on two objects. In `body`, the output handle index is [`OUT`], a destination or input handle index 1.
    pub(crate) async fn call_two(&mut self, on: u32, second: u32, body: RequestBody) -> Result<Answer, Trouble> {
        self.call_as(0, on, second, body).await
    }

    /// [`Bench::call_two`] under another logon of the session.
    pub(crate) async fn call_as(
        &mut self,
        logon_id: u8,
        on: u32,
        second: u32,
        body: RequestBody,
    ) -> Result<Answer, Trouble> {
        let rop = body.rop_id();
        debug_assert!(body.output_handle_index().is_none_or(|index| index == OUT));
        debug_assert!(body.input_handle_index().or(body.dest_handle_index()).is_none_or(|index| index == SECOND));
        let columns = match &body {
            RequestBody::SetColumns(set) => Some(set.property_tags.as_slice().into()),
            _ => None,
        };
        let request = RopRequest { logon_id, handle_index: 0, body };
        let handles = vec![on, second, NO_HANDLE];
        let buffers = self.exchange(vec![request], handles, ONE_PAYLOAD, false).await?;
        let Some(buffer) = buffers.into_iter().next() else { return Err(Trouble::Answer(rop)) };
        let handle = buffer.handles.get(usize::from(OUT)).copied().unwrap_or(NO_HANDLE);
        let mut answers = buffer.responses.into_iter().filter_map(|response| match response {
            Response::Rop(answer) => Some(answer),
            _ => None,
        });
        let Some(answer) = answers.next() else { return Err(Trouble::Answer(rop)) };
        match (&answer.body, columns) {
            (_, Some(columns)) => drop(self.columns.insert(on, columns)),
            (ResponseBody::OpenMessage(open), None) => {
                self.columns.insert(handle, Arc::clone(&open.recipient_columns));
            }
            _ => {}
        }
        Ok(Answer { rop, code: answer.return_value, body: answer.body, handle })
    }

    /// Several ROPs in one Execute, as given. Notifications are put aside.
    pub(crate) async fn exchange(
        &mut self,
        requests: Vec<RopRequest>,
        handles: Vec<u32>,
        max_rop_out: u32,
        chain: bool,
    ) -> Result<Vec<ResponseBuffer>, Trouble> {
        let none: Arc<[PropertyTag]> = Arc::new([]);
        let expected = Expected::of(&requests, |request| {
            let handle = handles.get(usize::from(request.handle_index));
            handle.and_then(|handle| self.columns.get(handle)).unwrap_or(&none).clone()
        });
        let payload = RequestBuffer { requests, handles }.encode()?;
        for _ in 0..PATIENCE {
            let answers = self.client.execute(payload.clone(), max_rop_out, chain).await?;
            let buffers = ResponseBuffer::decode_chain(&answers, &expected)?;
            let mut busy = None;
            self.pending = false;
            for response in buffers.iter().flat_map(|buffer| &buffer.responses) {
                match response {
                    Response::Notify(note) => self.notes.push(note.clone()),
                    Response::Pending { .. } => self.pending = true,
                    Response::Backoff(backoff) => busy = Some(backoff.duration),
                    _ => {}
                }
            }
            let Some(pause) = busy else { return Ok(buffers) };
            self.pause(pause).await;
        }
        Err(Trouble::Other("the server stays busy".into()))
    }

    /// Waits as long as a busy server asks for, within reason.
    pub(crate) async fn pause(&self, milliseconds: u32) {
        tokio::time::sleep(Duration::from_millis(u64::from(milliseconds).clamp(50, 5000))).await;
    }

    /// Gives an object up.
    pub(crate) async fn release(&mut self, handle: u32) -> Result<(), Trouble> {
        self.columns.remove(&handle);
        let request = RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::Release };
        self.exchange(vec![request], vec![handle], ONE_PAYLOAD, false).await.map(drop)
    }

    /// The global id of an object.
    pub(crate) async fn gid(&mut self, object_id: ObjectId) -> Result<Gid, Trouble> {
        let request = RequestBody::LongTermIdFromId(LongTermIdFromIdRequest { object_id });
        let answer = self.call(self.store, request).await?.ok()?;
        match &answer.body {
            ResponseBody::LongTermIdFromId(found) => Ok(found.long_term_id.gid),
            _ => answer.odd(),
        }
    }

    /// Ends the session. The server forgets it by itself if that fails.
    pub(crate) async fn end(&mut self) {
        if let Err(error) = self.client.disconnect().await {
            tracing::debug!(%error, "session left behind");
        }
    }
}
