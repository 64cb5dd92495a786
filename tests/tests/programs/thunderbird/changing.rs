//! Messages are marked, copied, moved and deleted.

use libtest_mimic::Failed;
use serde_json::json;

use super::day::{Day, Message, ensure, eventually};

/// What the user marks is marked on the server, and what another client marks is here.
pub async fn flags_go_both_ways(day: &mut Day) -> Result<(), Failed> {
    let messages = day.messages("INBOX").await?;
    let plain = |one: &&Message| !one.read && !one.flagged && one.keywords.is_empty();
    let uid = messages.iter().find(plain).ok_or("a message without flags")?.uid;
    let which = |key: &str, value: serde_json::Value| json!({"folder": "INBOX", "uid": uid, key: value});
    let changes = [
        ("markRead", which("read", true.into()), "\\Seen", true),
        ("markFlagged", which("flagged", true.into()), "\\Flagged", true),
        ("addTag", which("tag", "$label1".into()), "$label1", true),
        ("markRead", which("read", false.into()), "\\Seen", false),
        ("markFlagged", which("flagged", false.into()), "\\Flagged", false),
        ("removeTag", which("tag", "$label1".into()), "$label1", false),
    ];
    for (action, argument, flag, set) in changes {
        day.thunderbird.call(action, argument).await?;
        eventually(async || {
            let flags = day.alice.flags("INBOX", uid).await?.ok_or("the message is gone")?.to_lowercase();
            let is_set = flags.split(' ').any(|one| one == flag.to_lowercase());
            ensure(is_set == set, || format!("after {action} the server has {flags}"))
        })
        .await?;
    }

    for change in ["+FLAGS (\\Seen \\Flagged $label2)", "-FLAGS (\\Seen \\Flagged $label2)"] {
        day.idles("INBOX").await?;
        day.alice.store("INBOX", uid, change).await?;
        let set = change.starts_with('+');
        eventually(async || {
            let here = day.message("INBOX", uid).await?;
            let tagged = here.keywords.iter().any(|one| one == "$label2");
            ensure([here.read, here.flagged, tagged] == [set; 3], || format!("after {change} Thunderbird has {here:?}"))
        })
        .await?;
    }
    Ok(())
}

/// Copied messages are at both places, moved ones at the other, deleted ones in the trash, and those deleted for good nowhere.
pub async fn messages_change_places(day: &mut Day) -> Result<(), Failed> {
    let trash = day.special("\\Trash").await?;
    let wanted = day.messages("INBOX").await?;
    let mut unique = wanted.iter().filter(|one| {
        one.subject.contains('#') && wanted.iter().filter(|other| other.subject == one.subject).count() == 1
    });
    let mut next = || unique.next().cloned().ok_or("messages with subjects of their own");
    let (copied, moved, deleted, expunged) = (next()?, next()?, next()?, next()?);
    let transfer = |uid: u32, away: bool| json!({"folder": "INBOX", "uids": [uid], "to": "Projects", "move": away});
    let remove = |uid: u32, forever: bool| json!({"folder": "INBOX", "uids": [uid], "forever": forever});
    // Thunderbird does each of these here first and on the server half a second later. Where it has much to do, it forgets to
    // do on the server what it was told meanwhile; so it is left alone until it has nothing to do.
    let changes = [
        (&copied, "transfer", transfer(copied.uid, false), [1, 1, 0]),
        (&moved, "transfer", transfer(moved.uid, true), [0, 1, 0]),
        (&deleted, "remove", remove(deleted.uid, false), [0, 0, 1]),
    ];
    for (message, action, argument, expected) in changes {
        day.thunderbird.call(action, argument).await?;
        is_at(day, &message.id, &trash, expected).await?;
        day.idles("INBOX").await?;
    }
    day.thunderbird.call("remove", remove(expunged.uid, true)).await?;
    day.thunderbird.call("compact", json!({"folder": "INBOX"})).await?;
    is_at(day, &expunged.id, &trash, [0, 0, 0]).await?;
    // Thunderbird sees the same.
    for folder in ["Projects", &trash, "INBOX"] {
        day.thunderbird.call("open", json!({"folder": folder})).await?;
        let there = day.alice.search(folder, "ALL").await?;
        eventually(async || {
            let here: Vec<u32> = day.messages(folder).await?.iter().map(|message| message.uid).collect();
            ensure(here == there, || format!("in {folder} Thunderbird has {here:?}, the server {there:?}"))
        })
        .await?;
    }
    Ok(())
}

/// Waits until a message is so many times in the inbox, in Projects and in the trash.
async fn is_at(day: &mut Day, id: &str, trash: &str, expected: [usize; 3]) -> Result<(), Failed> {
    eventually(async || {
        let mut there = [0; 3];
        for (count, folder) in there.iter_mut().zip(["INBOX", "Projects", trash]) {
            *count = day.alice.search(folder, &format!("HEADER Message-ID \"<{id}>\"")).await?.len();
        }
        ensure(there == expected, || format!("{id} is in inbox, Projects and trash {there:?} times, not {expected:?}"))
    })
    .await
}
