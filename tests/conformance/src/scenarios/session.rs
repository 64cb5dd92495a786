//! Connect, logon, ids, and what happens when the session is lost.

use mapi_core::client::ClientError;
use mapi_core::property::tags;
use mapi_core::rop::{
    GetReceiveFolderRequest, IdFromLongTermIdRequest, LongTermIdFromIdRequest, RequestBody, ResponseBody,
    special_folder as special,
};

use super::super::bench::{same, shown, yes};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::{Done, result};

const USED: [usize; 6] =
    [special::ROOT, special::IPM_SUBTREE, special::INBOX, special::OUTBOX, special::SENT_ITEMS, special::DELETED_ITEMS];

pub(super) const CONNECT: Scenario = Scenario {
    name: "connect and logon",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("special folders", "6 different"),
        Expected::must("owner right", "yes"),
        Expected::must("mailbox GUID of a second session", "same"),
        Expected::must("folder ids of a second session", "same"),
        Expected::must("replicas of the special folders", "1"),
        Expected::may(
            "replica of the logon",
            "that of the folders",
            &["another one"],
            "the gateway asks RopLongTermIdFromId for the replica of the Inbox",
        ),
        Expected::may("folder of IPM.Note", "Inbox", &["*"], "the gateway takes the Inbox of the logon"),
        Expected::may("Drafts of the Inbox", "there", &["ecNotFound"], "without it no folder is marked \\Drafts"),
        Expected::may("Junk of the Inbox", "there", &["ecNotFound"], "without it no folder is marked \\Junk"),
        Expected::must("PING", "ok"),
    ],
    run: |b| Box::pin(connect(b)),
};

async fn connect(b: &mut Bench) -> Done {
    let mut ids: Vec<_> = USED.iter().map(|&index| b.special(index)).collect();
    ids.sort_unstable();
    ids.dedup();
    let real = ids.iter().filter(|id| !id.is_null()).count();
    b.see("special folders", format_args!("{real} different"));
    b.see("owner right", yes(b.logon.response_flags & 0x02 != 0));
    let mut second = Bench::session(&b.target, &b.target.user).await?;
    b.see("mailbox GUID of a second session", same(second.logon.mailbox_guid == b.logon.mailbox_guid));
    b.see("folder ids of a second session", same(second.logon.folder_ids == b.logon.folder_ids));
    second.end().await;
    let mut replicas = Vec::new();
    for id in ids {
        replicas.push(b.gid(id).await?.replica_guid);
    }
    replicas.dedup();
    b.see("replicas of the special folders", replicas.len());
    let own = replicas.first() == Some(&b.logon.repl_guid);
    b.see("replica of the logon", if own { "that of the folders" } else { "another one" });
    let request = GetReceiveFolderRequest { message_class: "IPM.Note".into() };
    let answer = b.call(b.store, RequestBody::GetReceiveFolder(request)).await?;
    let inbox = b.special(special::INBOX);
    let place = match &answer.body {
        ResponseBody::GetReceiveFolder(found) if found.folder_id == inbox => "Inbox".to_owned(),
        ResponseBody::GetReceiveFolder(_) => "another".to_owned(),
        _ => result(&answer),
    };
    b.see("folder of IPM.Note", place);
    let ids = [tags::PidTagIpmDraftsEntryId, tags::PidTagAdditionalRenEntryIds];
    let values = b.folder_properties(inbox, &ids).await?;
    b.see("Drafts of the Inbox", shown(values.first()));
    b.see("Junk of the Inbox", shown(values.get(1)));
    b.client.ping().await?;
    b.see("PING", "ok");
    Ok(())
}

pub(super) const IDS: Scenario = Scenario {
    name: "long-term ids",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("there and back", "same"),
        Expected::must("padding", "0"),
        Expected::must("replica of a new folder", "same"),
        Expected::must("counter in the long-term id", "same"),
        Expected::may(
            "source key of the folder",
            "long-term id",
            &["absent", "ecNotFound"],
            "the gateway maps ids itself",
        ),
    ],
    run: |b| Box::pin(ids(b)),
};

async fn ids(b: &mut Bench) -> Done {
    let folder = b.folder;
    let request = RequestBody::LongTermIdFromId(LongTermIdFromIdRequest { object_id: folder });
    let answer = b.call(b.store, request).await?.ok()?;
    let ResponseBody::LongTermIdFromId(long) = &answer.body else { return answer.odd() };
    let long = long.long_term_id;
    let back = RequestBody::IdFromLongTermId(IdFromLongTermIdRequest { long_term_id: long });
    let answer = b.call(b.store, back).await?.ok()?;
    let ResponseBody::IdFromLongTermId(found) = &answer.body else { return answer.odd() };
    b.see("there and back", same(found.object_id == folder));
    b.see("padding", long.padding);
    let inbox = b.gid(b.special(special::INBOX)).await?;
    b.see("replica of a new folder", same(inbox.replica_guid == long.gid.replica_guid));
    b.see("counter in the long-term id", same(long.gid.counter == folder.counter));
    // A replica that the server does not know is none to ask for: Exchange remembers it for ever.
    let values = b.get(b.handle, &[tags::PidTagSourceKey]).await?;
    let key = values.first().and_then(|value| value.value()?.as_bytes());
    b.see(
        "source key of the folder",
        match key {
            Some(key) if key == long.gid.to_bytes() => "long-term id".to_owned(),
            Some(_) => "another".to_owned(),
            None => shown(values.first()),
        },
    );
    Ok(())
}

pub(super) const RECONNECT: Scenario = Scenario {
    name: "session lost",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("Execute after Disconnect", "context lost"),
        Expected::must("mailbox GUID after reconnecting", "same"),
        Expected::must("id of the folder after reconnecting", "valid"),
        Expected::must("id of the message after reconnecting", "valid"),
        Expected::must("old handle in the new context", "no object"),
    ],
    run: |b| Box::pin(reconnect(b)),
};

async fn reconnect(b: &mut Bench) -> Done {
    let (folder, old_guid) = (b.folder, b.logon.mailbox_guid);
    let message = b.create_plain(folder, "stays").await?;
    // High handles make it unlikely that the new context happens to have the same ones.
    let mut old_handle = b.handle;
    for _ in 0..8 {
        old_handle = b.open_folder(folder).await?;
    }
    b.client.disconnect().await?;
    let poll = b.poll().await;
    let lost = matches!(&poll, Err(crate::Trouble::Client(ClientError::ContextLost(_))));
    b.see("Execute after Disconnect", if lost { "context lost".to_owned() } else { format!("{poll:?}") });
    b.client.reconnect().await?;
    b.log_on_again().await?;
    b.see("mailbox GUID after reconnecting", same(b.logon.mailbox_guid == old_guid));
    let opened = b.try_open_folder(folder).await?;
    b.see(
        "id of the folder after reconnecting",
        if opened.code.is_success() { "valid".into() } else { result(&opened) },
    );
    let opened = b.try_open_message(folder, message, 0).await?;
    b.see(
        "id of the message after reconnecting",
        if opened.code.is_success() { "valid".into() } else { result(&opened) },
    );
    let stale = b.get(old_handle, &[tags::PidTagDisplayName]).await;
    b.see("old handle in the new context", if stale.is_err() { "no object" } else { "an object" });
    Ok(())
}
