//! Recipients of messages.

use mapi_core::property::tags;
use mapi_core::rop::{OpenMessageResponse, RecipientAddress, RequestBody, ResponseBody};

use super::super::Trouble;
use super::super::bench::{Answer, same, shown, text};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::Done;

pub(super) const FEW: Scenario = Scenario {
    name: "recipients",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("count", "3"),
        Expected::must("types", "1 2 3"),
        Expected::must("addresses", "same"),
        Expected::may("address type", "SMTP", &["other"], "the gateway reads both forms"),
        Expected::may("display To, made by the server", "to@example.org", &["*"], "the gateway reads recipient rows"),
        Expected::must("after all but one are removed", "1"),
    ],
    run: |b| Box::pin(few(b)),
};

fn opened(answer: &Answer) -> Result<&OpenMessageResponse, Trouble> {
    match &answer.body {
        ResponseBody::OpenMessage(open) => Ok(open),
        _ => Err(Trouble::Answer(answer.rop)),
    }
}

async fn few(b: &mut Bench) -> Done {
    let people = [(1, "to@example.org"), (2, "cc@example.org"), (3, "bcc@example.org")];
    let people = people.map(|(kind, address)| (kind, address.to_owned()));
    let handle = b.new_message(b.folder, vec![text(tags::PidTagMessageClass, "IPM.Note")]).await?;
    b.set_recipients(handle, &people).await?.ok()?;
    let message = b.save_new(handle).await?;
    b.release(handle).await?;
    let answer = b.try_open_message(b.folder, message, 1).await?.ok()?;
    let open = opened(&answer)?;
    b.see("count", open.recipient_count);
    let (rows, _) = b.recipients(answer.handle).await?;
    let kinds: Vec<String> = rows.iter().map(|row| row.recipient_type.to_string()).collect();
    b.see("types", kinds.join(" "));
    let addresses = rows.iter().map(|row| row.recipient_row.email_address.as_deref());
    b.see("addresses", same(addresses.eq(people.iter().map(|(_, address)| Some(address.as_str())))));
    let plain = rows.iter().all(|row| match &row.recipient_row.address {
        RecipientAddress::Known(3) => true,
        RecipientAddress::Other { address_type } => address_type == "SMTP",
        _ => false,
    });
    b.see("address type", if plain { "SMTP" } else { "other" });
    let values = b.get(answer.handle, &[tags::PidTagDisplayTo]).await?;
    b.see("display To, made by the server", shown(values.first()));
    let all = RequestBody::RemoveAllRecipients(mapi_core::rop::RemoveAllRecipientsRequest { reserved: 0 });
    b.call(answer.handle, all).await?.ok()?;
    b.set_recipients(answer.handle, &people[..1]).await?.ok()?;
    b.save_new(answer.handle).await?;
    b.release(answer.handle).await?;
    let answer = b.try_open_message(b.folder, message, 0).await?.ok()?;
    b.see("after all but one are removed", opened(&answer)?.recipient_count);
    Ok(())
}

pub(super) const MANY: Scenario = Scenario {
    name: "many recipients",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("count", "120"),
        Expected::may("rows of RopOpenMessage", "many", &["few", "none"], "RopReadRecipients has all of them"),
        Expected::must("their order", "that of the message"),
        Expected::must("rows of RopReadRecipients", "120 in order"),
        Expected::must("in the FastTransfer stream", "120 in order"),
        Expected::may("behind the last", "ecNotFound", &["ok"], "it is the end either way"),
    ],
    run: |b| Box::pin(many(b)),
};

async fn many(b: &mut Bench) -> Done {
    let people: Vec<_> = (0..120).map(|n| (1, format!("person{n}@example.org"))).collect();
    let handle = b.new_message(b.folder, vec![text(tags::PidTagMessageClass, "IPM.Note")]).await?;
    b.set_recipients(handle, &people).await?.ok()?;
    let message = b.save_new(handle).await?;
    b.release(handle).await?;
    let answer = b.try_open_message(b.folder, message, 0).await?.ok()?;
    let open = opened(&answer)?;
    b.see("count", open.recipient_count);
    b.see(
        "rows of RopOpenMessage",
        match open.recipient_rows.len() {
            0 => "none",
            1..20 => "few",
            _ => "many",
        },
    );
    let first = open.recipient_rows.iter().map(|row| row.recipient_row.email_address.as_deref());
    let ordered = first.zip(&people).all(|(row, (_, address))| row == Some(address.as_str()));
    b.see("their order", if ordered { "that of the message" } else { "another" });
    let (rows, end) = b.recipients(answer.handle).await?;
    let addresses: Vec<_> = rows.into_iter().map(|row| row.recipient_row.email_address.unwrap_or_default()).collect();
    let wanted: Vec<_> = people.iter().map(|(_, address)| address.clone()).collect();
    b.see("rows of RopReadRecipients", in_order(&addresses, &wanted));
    b.see("behind the last", super::super::bench::code(end));
    let messages = b.copy_messages(b.handle, &[message]).await?;
    let streamed = messages.first().map(|message| message.content.recipients.as_slice()).unwrap_or_default();
    let address = |bag: &mapi_core::message::PropertyBag| {
        let smtp = bag.text(tags::PidTagSmtpAddress).or(bag.text(tags::PidTagEmailAddress));
        smtp.unwrap_or_default().to_owned()
    };
    let streamed: Vec<_> = streamed.iter().map(address).collect();
    b.see("in the FastTransfer stream", in_order(&streamed, &wanted));
    Ok(())
}

fn in_order(got: &[String], wanted: &[String]) -> String {
    format!("{} {}", got.len(), if got == wanted { "in order" } else { "different" })
}
