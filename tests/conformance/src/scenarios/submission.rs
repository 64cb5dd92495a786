//! Sending mail.

use std::time::Duration;

use mapi_core::id::{FolderId, MessageId};
use mapi_core::property::{
    FuzzyLevel, PropertyTag, PropertyType, PropertyValue, Restriction, RowValue, TaggedValue, tags,
};
use mapi_core::rop::{GetTableRequest, RequestBody, SubmitMessageRequest, special_folder};
use mapi_core::wire::Writer;

use super::super::Trouble;
use super::super::bench::{code, same, text, yes};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::{Done, result};
use super::properties::own_name;

/// Mail between users of one server is a matter of seconds.
const PATIENCE: usize = 300;
const PAUSE: Duration = Duration::from_millis(100);

pub(super) const SUBMIT: Scenario = Scenario {
    name: "submission",
    needs: Needs::SecondUser,
    expected: &[
        Expected::must("submit", "ok"),
        Expected::must("copy", "yes"),
        Expected::may("where", "folder asked for", &["Sent Items"], "the gateway asks for Sent Items"),
        Expected::must("left in the Outbox", "no"),
        Expected::must("copy is unsent", "no"),
        Expected::may("copy is from me", "yes", &["no"], "the gateway does not look at it"),
        Expected::may("copy is read", "yes", &["no"], "the gateway marks its own submissions as read"),
        Expected::must("private property on the copy", "same"),
        Expected::may(
            "Message-ID of the copy",
            "same",
            &["another", "absent"],
            "the gateway finds its copy by the private property",
        ),
        Expected::must("recipients of the copy", "1 3"),
        Expected::must("delivered to the second user", "yes"),
        Expected::must("delivered to the Bcc recipient", "yes"),
        Expected::may("private property on the delivered one", "absent", &["same"], "it tells nothing to others"),
        Expected::must("delivered unread", "yes"),
        Expected::must("subject", "same"),
        Expected::must("body", "same"),
        Expected::may("Message-ID delivered", "that of the copy", &["another"], "nothing depends on it"),
        Expected::may("Bcc recipients delivered", "none", &["some"], "see the row above about headers"),
        Expected::may(
            "Bcc in the headers delivered",
            "no",
            &["yes"],
            "put a relay behind such a server that strips Bcc, as the README says",
        ),
    ],
    run: |b| Box::pin(submit(b)),
};

const MID: [PropertyTag; 1] = [tags::PidTagMid];

/// The message of a folder with this subject.
async fn find(session: &mut Bench, folder: u32, subject: &str) -> Result<Option<MessageId>, Trouble> {
    let table = session.contents_table(folder, GetTableRequest::USE_UNICODE, &MID).await?;
    let restriction = Restriction::Content {
        fuzzy: FuzzyLevel { low: 0, high: 0 },
        tag: tags::PidTagSubject,
        value: text(tags::PidTagSubject, subject),
    };
    session.restrict(table, restriction).await?;
    let rows = session.all_rows(table).await?;
    let id = rows.first().and_then(|row| row.values.first()?.value()?.as_i64());
    Ok(id.map(MessageId::from_i64))
}

async fn wait_for(session: &mut Bench, folder: u32, subject: &str) -> Result<Option<MessageId>, Trouble> {
    for _ in 0..PATIENCE {
        if let Some(found) = find(session, folder, subject).await? {
            return Ok(Some(found));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(None)
}

fn server_id(folder: FolderId) -> PropertyValue {
    let mut writer = Writer::new();
    writer.u8(1);
    folder.encode(&mut writer);
    MessageId::default().encode(&mut writer);
    writer.u32(0);
    PropertyValue::ServerId(writer.into_vec())
}

async fn submit(b: &mut Bench) -> Done {
    let Some(second) = b.target.second.clone() else { return Ok(()) };
    let subject = format!("conformance {:016x}", rand::random::<u64>());
    let mut other = Bench::session(&b.target, &second).await?;
    let done = exchange_mail(b, &mut other, &second.address, &subject).await;
    // What was delivered is removed again, whatever happened.
    remove(&mut other, special_folder::INBOX, &subject).await?;
    for index in [special_folder::INBOX, special_folder::OUTBOX, special_folder::SENT_ITEMS] {
        remove(b, index, &subject).await?;
    }
    other.end().await;
    done
}

async fn remove(session: &mut Bench, index: usize, subject: &str) -> Done {
    let folder = session.open_folder(session.special(index)).await?;
    if let Some(message) = find(session, folder, subject).await? {
        session.delete_messages(folder, &[message], true).await?;
    }
    session.release(folder).await
}

async fn exchange_mail(b: &mut Bench, other: &mut Bench, to: &str, subject: &str) -> Done {
    let own = b.target.user.address.clone();
    let mark = b.named_tags(&[(own_name("conformance-string"), PropertyType::STRING)]).await?;
    let Some(mark) = mark.first().copied() else { return Ok(()) };
    let outbox = b.special(special_folder::OUTBOX);
    let body = "Body of the conformance suite.\r\n";
    let values = vec![
        text(tags::PidTagMessageClass, "IPM.Note"),
        text(tags::PidTagSubject, subject),
        text(tags::PidTagBody, body),
        text(tags::PidTagInternetMessageId, &format!("<{}@example.org>", subject.replace(' ', "-"))),
        TaggedValue::new(mark, PropertyValue::String(subject.to_owned())),
        TaggedValue::new(tags::PidTagSentMailSvrEID, server_id(b.folder)),
    ];
    let message = b.new_message(outbox, values).await?;
    b.set_recipients(message, &[(1, to.to_owned()), (3, own)]).await?.ok()?;
    b.save_new(message).await?;
    let answer = b.call(message, RequestBody::SubmitMessage(SubmitMessageRequest { submit_flags: 0 })).await?;
    b.see("submit", result(&answer));
    b.release(message).await?;
    let sent = b.special(special_folder::SENT_ITEMS);
    let sent_handle = b.open_folder(sent).await?;
    let mut copy = None;
    for _ in 0..PATIENCE {
        for (folder, handle) in [(b.folder, b.handle), (sent, sent_handle)] {
            copy = copy.or(find(b, handle, subject).await?.map(|message| (folder, message)));
        }
        if copy.is_some() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    b.see("copy", yes(copy.is_some()));
    let outbox = b.open_folder(outbox).await?;
    let left = find(b, outbox, subject).await?;
    b.see("left in the Outbox", yes(left.is_some()));
    let Some((place, copy)) = copy else { return Ok(()) };
    b.see("where", if place == b.folder { "folder asked for" } else { "Sent Items" });
    let watched = [tags::PidTagMessageFlags, mark, tags::PidTagInternetMessageId];
    let of_copy = b.message_properties(place, copy, &watched).await?;
    let flags = flags_of(&of_copy);
    b.see("copy is unsent", yes(flags & 0x08 != 0));
    b.see("copy is from me", yes(flags & 0x20 != 0));
    b.see("copy is read", yes(flags & 0x01 != 0));
    let word = |values: &[RowValue], index: usize| {
        values.get(index).and_then(|value| value.value()?.as_str().map(str::to_owned))
    };
    b.see("private property on the copy", same(word(&of_copy, 1).as_deref() == Some(subject)));
    let sent_id = format!("<{}@example.org>", subject.replace(' ', "-"));
    let copy_id = word(&of_copy, 2);
    b.see(
        "Message-ID of the copy",
        match &copy_id {
            None => "absent",
            Some(id) if *id == sent_id => "same",
            Some(_) => "another",
        },
    );
    let opened = b.try_open_message(place, copy, 0).await?.ok()?;
    let (rows, _) = b.recipients(opened.handle).await?;
    let mut kinds: Vec<_> = rows.iter().map(|row| row.recipient_type & 0x0F).collect();
    kinds.sort_unstable();
    b.see("recipients of the copy", kinds.iter().map(u8::to_string).collect::<Vec<_>>().join(" "));
    delivered(b, other, subject, body, copy_id).await
}

fn flags_of(values: &[RowValue]) -> i32 {
    values.first().and_then(|value| value.value()?.as_i32()).unwrap_or_default()
}

async fn delivered(b: &mut Bench, other: &mut Bench, subject: &str, body: &str, copy_id: Option<String>) -> Done {
    let inbox = other.special(special_folder::INBOX);
    let handle = other.open_folder(inbox).await?;
    let arrived = wait_for(other, handle, subject).await?;
    b.see("delivered to the second user", yes(arrived.is_some()));
    let own = b.open_folder(b.special(special_folder::INBOX)).await?;
    let blind = wait_for(b, own, subject).await?;
    b.see("delivered to the Bcc recipient", yes(blind.is_some()));
    let Some(arrived) = arrived else { return Ok(()) };
    let mark = other.named_tags(&[(own_name("conformance-string"), PropertyType::STRING)]).await?;
    let watched = [
        tags::PidTagMessageFlags,
        mark.first().copied().unwrap_or(tags::PidTagComment),
        tags::PidTagInternetMessageId,
        tags::PidTagSubject,
        tags::PidTagTransportMessageHeaders,
    ];
    let opened = other.try_open_message(inbox, arrived, 0).await?.ok()?;
    let values = other.get(opened.handle, &watched).await?;
    let word = |index: usize| values.get(index).and_then(|value| value.value()?.as_str());
    b.see(
        "private property on the delivered one",
        match word(1) {
            None => "absent",
            Some(mark) => same(mark == subject),
        },
    );
    b.see("delivered unread", yes(flags_of(&values) & 0x01 == 0));
    let right = word(2).is_some() && word(2) == copy_id.as_deref();
    b.see("Message-ID delivered", if right { "that of the copy" } else { "another" });
    b.see("subject", same(word(3) == Some(subject)));
    let headers = word(4).unwrap_or_default().to_ascii_lowercase();
    b.see("Bcc in the headers delivered", yes(headers.lines().any(|line| line.starts_with("bcc:"))));
    let text = other.get_one(opened.handle, tags::PidTagBody).await?;
    let text = text.as_ref().and_then(PropertyValue::as_str).unwrap_or_default();
    b.see("body", same(text.trim_end() == body.trim_end()));
    let (rows, _) = other.recipients(opened.handle).await?;
    let blind = rows.iter().any(|row| row.recipient_type & 0x0F == 3);
    b.see("Bcc recipients delivered", if blind { "some" } else { "none" });
    Ok(())
}

pub(super) const NOBODY: Scenario = Scenario {
    name: "submission to nobody",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("without recipients", "refused"),
        Expected::may("which way", "ecNoRecipients", &["*"], "any error is an error"),
        Expected::must("message afterwards", "there, can be deleted"),
    ],
    run: |b| Box::pin(nobody(b)),
};

async fn nobody(b: &mut Bench) -> Done {
    let folder = b.folder;
    let message = b.new_message(folder, vec![text(tags::PidTagMessageClass, "IPM.Note")]).await?;
    let id = b.save_new(message).await?;
    let answer = b.call(message, RequestBody::SubmitMessage(SubmitMessageRequest { submit_flags: 0 })).await?;
    b.see("without recipients", if answer.code.is_success() { "ok" } else { "refused" });
    b.see("which way", code(answer.code));
    b.release(message).await?;
    let there = b.try_open_message(folder, id, 0).await?.code.is_success();
    b.delete_messages(b.handle, &[id], false).await?;
    let gone = !b.try_open_message(folder, id, 0).await?.code.is_success();
    b.see(
        "message afterwards",
        match (there, gone) {
            (true, true) => "there, can be deleted",
            (true, false) => "there, cannot be deleted",
            (false, _) => "gone",
        },
    );
    Ok(())
}
