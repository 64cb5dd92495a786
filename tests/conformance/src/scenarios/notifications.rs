//! What is notified, and how a client hears of it.

use std::time::Duration;

use mapi_core::property::tags;
use mapi_core::rop::{GetTableRequest, NotificationData, SetReadFlagsRequest, notification_flags as bits};

use super::super::bench::events::{is_about, kinds};
use super::super::bench::{integer, same, yes};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::Done;

pub(super) const MESSAGES: Scenario = Scenario {
    name: "notifications about messages",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("new message", "created"),
        Expected::must("its id", "same"),
        Expected::must("with the answer itself", "yes"),
        Expected::must("changed", "modified"),
        Expected::must("marked as read", "modified"),
        Expected::must("deleted", "deleted"),
        Expected::must("folder whose message is new", "modified"),
        Expected::may("counts of the folder", "there", &["absent"], "the gateway asks"),
    ],
    run: |b| Box::pin(messages(b)),
};

async fn messages(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    b.subscribe().await?;
    let message = b.create_plain(folder, "one").await?;
    let at_once = b.notes.iter().any(|note| is_about(note, bits::OBJECT_CREATED | bits::NEW_MAIL, Some(message)));
    b.event(|note| is_about(note, bits::OBJECT_CREATED, Some(message))).await?;
    b.see("with the answer itself", yes(at_once));
    let notes = b.notes.clone();
    let of_folder: Vec<_> = b.take_events(folder, false).into_iter().filter(|(_, o)| o.folder_id == folder).collect();
    b.notes = notes;
    b.see("folder whose message is new", kinds(&of_folder));
    let counted = of_folder.iter().any(|(_, object)| object.total_message_count.is_some());
    b.see("counts of the folder", if counted { "there" } else { "absent" });
    let events = b.take_events(folder, true);
    b.see("new message", kinds(&events));
    b.see("its id", same(events.iter().all(|(_, object)| object.message_id == Some(message))));
    b.change(folder, message, vec![integer(tags::PidTagFlagStatus, 2)]).await?;
    b.event(|note| is_about(note, bits::OBJECT_MODIFIED, Some(message))).await?;
    let events = b.take_events(folder, true);
    b.see("changed", kinds(&events));
    b.set_read_flags(handle, &[message], SetReadFlagsRequest::READ).await?;
    b.event(|note| is_about(note, bits::OBJECT_MODIFIED, Some(message))).await?;
    let events = b.take_events(folder, true);
    b.see("marked as read", kinds(&events));
    b.delete_messages(handle, &[message], false).await?;
    b.event(|note| is_about(note, bits::OBJECT_DELETED, Some(message))).await?;
    let events = b.take_events(folder, true);
    b.see("deleted", kinds(&events));
    Ok(())
}

pub(super) const WAITING: Scenario = Scenario {
    name: "NotificationWait",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("nothing happens", "still waiting after 1 s"),
        Expected::must("Execute beside it", "ok"),
        Expected::must("waits that begin beside Executes", "10 of 10 answered"),
        Expected::must("another session creates a message", "woken"),
        Expected::must("what the next Execute brings", "created"),
        Expected::must("waiting again afterwards", "still waiting after 1 s"),
    ],
    run: |b| Box::pin(waiting(b)),
};

async fn waiting(b: &mut Bench) -> Done {
    let folder = b.folder;
    b.subscribe().await?;
    b.poll().await?;
    b.notes.clear();
    let mut other = Bench::session(&b.target, &b.target.user).await?;
    let client = b.client.clone();
    let mut wait = tokio::spawn(async move { client.wait().await });
    let early = tokio::time::timeout(Duration::from_secs(1), &mut wait).await;
    b.see("nothing happens", if early.is_err() { "still waiting after 1 s" } else { "woken" });
    let beside = b.get(b.handle, &[tags::PidTagDisplayName]).await;
    b.see("Execute beside it", if beside.is_ok() { "ok" } else { "failed" });
    // The answer to a wait sets the cookies of the context, too: those of an Execute that is in flight must win.
    let mut third = Bench::session(&b.target, &b.target.user).await?;
    let (mut answered, store) = (0, third.store);
    for _ in 0..10 {
        let client = third.client.clone();
        let brief = async move { drop(tokio::time::timeout(Duration::from_millis(20), client.wait()).await) };
        let (executed, ()) = tokio::join!(third.get(store, &[tags::PidTagMailboxOwnerName]), brief);
        answered += usize::from(executed.is_ok());
    }
    third.end().await;
    b.see("waits that begin beside Executes", format_args!("{answered} of 10 answered"));
    let message = other.create_plain(folder, "from elsewhere").await?;
    other.end().await;
    let woken = tokio::time::timeout(Duration::from_secs(60), &mut wait).await;
    b.see(
        "another session creates a message",
        match woken {
            Ok(Ok(Ok(true))) => "woken".to_owned(),
            Ok(Ok(other)) => format!("{other:?}"),
            _ => "not woken".to_owned(),
        },
    );
    b.event(|note| is_about(note, bits::OBJECT_CREATED, Some(message))).await?;
    let events = b.take_events(folder, true);
    b.see("what the next Execute brings", kinds(&events));
    b.poll().await?;
    let client = b.client.clone();
    let mut wait = tokio::spawn(async move { client.wait().await });
    let early = tokio::time::timeout(Duration::from_secs(1), &mut wait).await;
    b.see("waiting again afterwards", if early.is_err() { "still waiting after 1 s" } else { "woken" });
    wait.abort();
    Ok(())
}

pub(super) const TABLES: Scenario = Scenario {
    name: "notifications about tables",
    needs: Needs::Nothing,
    expected: &[Expected::may(
        "row added to an open table",
        "added",
        &["changed", "none"],
        "the gateway asks for no notifications about tables",
    )],
    run: |b| Box::pin(tables(b)),
};

async fn tables(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let table = b.contents_table(handle, GetTableRequest::USE_UNICODE, &[tags::PidTagMid]).await?;
    b.query_rows(table, 10).await?;
    b.create_plain(folder, "one").await?;
    let mut event = "none";
    for _ in 0..20 {
        for note in b.notes.drain(..) {
            if let NotificationData::Table(change) = note.data {
                event = match change.event_type {
                    3 => "added",
                    1 => "changed",
                    _ => "other",
                };
            }
        }
        if event != "none" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        b.poll().await?;
    }
    b.see("row added to an open table", event);
    Ok(())
}
