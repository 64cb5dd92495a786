//! Folders are made, renamed and deleted.

use libtest_mimic::Failed;
use mail_core::utf7;
use serde_json::json;

use super::day::{Day, ensure, eventually};

/// A folder with messages and another one inside goes through its life; what was in it is in the trash with it, and goes for
/// good with it.
pub async fn folder_lives_and_dies(day: &mut Day) -> Result<(), Failed> {
    let trash = day.special("\\Trash").await?;
    let new = "Vorgänge & Akten";
    day.thunderbird.call("createFolder", json!({"parent": null, "name": new})).await?;
    is_there(day, new, true).await?;
    day.thunderbird.call("createFolder", json!({"parent": new, "name": "Inside"})).await?;
    is_there(day, &format!("{new}/Inside"), true).await?;

    let uids: Vec<u32> = day.messages("INBOX").await?.iter().take(2).map(|message| message.uid).collect();
    let copy = json!({"folder": "INBOX", "uids": uids, "to": new, "move": false});
    day.idles("INBOX").await?;
    day.thunderbird.call("transfer", copy).await?;
    holds(day, new, uids.len()).await?;

    day.thunderbird.call("renameFolder", json!({"folder": new, "name": "Done"})).await?;
    is_there(day, "Done", true).await?;
    is_there(day, "Done/Inside", true).await?;
    is_there(day, new, false).await?;
    holds(day, "Done", uids.len()).await?;
    day.thunderbird.call("open", json!({"folder": "Done"})).await?;

    day.thunderbird.call("deleteFolder", json!({"folder": "Done"})).await?;
    is_there(day, "Done", false).await?;
    let dead = format!("{trash}/Done");
    is_there(day, &dead, true).await?;
    is_there(day, &format!("{dead}/Inside"), true).await?;
    holds(day, &dead, uids.len()).await?;

    day.thunderbird.call("open", json!({"folder": "INBOX"})).await?;
    day.thunderbird.call("deleteFolder", json!({"folder": dead})).await?;
    is_there(day, &dead, false).await?;
    is_there(day, &format!("{dead}/Inside"), false).await
}

/// Waits until both Thunderbird and the server have a folder, or don't; it is subscribed if it is there. Thunderbird, which has
/// enabled UTF8=ACCEPT, has the name as it is; the other client has not, and is told it in modified UTF-7 (RFC 3501 5.1.3).
async fn is_there(day: &mut Day, name: &str, wanted: bool) -> Result<(), Failed> {
    let encoded = utf7::encode(name);
    eventually(async || {
        let there = day.alice.folders().await?.iter().any(|(one, _)| *one == encoded);
        let here = day.folders().await?.iter().any(|folder| folder.name == name);
        let subscribed = day.alice.command("LSUB \"\" *").await?.lines();
        let subscribed = subscribed
            .iter()
            .any(|line| line.ends_with(&format!("\"/\" \"{encoded}\"")) || line.ends_with(&format!("\"/\" {encoded}")));
        ensure([there, here, subscribed] == [wanted; 3], || {
            format!("{name} should be there: {wanted}; server {there}, Thunderbird {here}, subscribed {subscribed}")
        })
    })
    .await
}

async fn holds(day: &mut Day, folder: &str, messages: usize) -> Result<(), Failed> {
    let encoded = utf7::encode(folder);
    eventually(async || {
        let there = day.alice.search(&encoded, "ALL").await?.len();
        ensure(there == messages, || format!("{folder} has {there} messages, not {messages}"))
    })
    .await
}
