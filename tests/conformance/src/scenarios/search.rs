//! Restrictions as SEARCH makes them.

use mapi_core::property::{BitmapOperator, FuzzyLevel, PropertyTag, RelationalOperator, Restriction, tags};
use mapi_core::rop::{GetTableRequest, SetReadFlagsRequest};

use super::super::Trouble;
use super::super::bench::{integer, shown, text, time};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::Done;

pub(super) const RESTRICTIONS: Scenario = Scenario {
    name: "search restrictions",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("subject contains, other case", "one"),
        Expected::must("body contains", "two"),
        Expected::may("body contains, other case", "two", &[""], "search is as good as the server's"),
        Expected::must("headers contain", "three"),
        Expected::must("subject or body", "one two"),
        Expected::must("not", "two three"),
        Expected::must("unread", "two three"),
        Expected::must("delivered since", "three"),
        Expected::may("recipient contains", "one", &[""], "search is as good as the server's"),
        Expected::must("exists", "three"),
        Expected::may("beyond the first 510 bytes of the body", "two", &[""], "search is as good as the server's"),
    ],
    run: |b| Box::pin(restrictions(b)),
};

fn contains(tag: PropertyTag, words: &str) -> Restriction {
    Restriction::Content { fuzzy: FuzzyLevel::SUBSTRING_IGNORE_CASE, tag, value: text(tag, words) }
}

async fn found(b: &mut Bench, restriction: Restriction) -> Result<String, Trouble> {
    let table = b.contents_table(b.handle, GetTableRequest::USE_UNICODE, &[tags::PidTagInternetMessageId]).await?;
    b.restrict(table, restriction).await?;
    let mut names: Vec<String> = b.all_rows(table).await?.iter().map(|row| shown(row.values.first())).collect();
    let order = |name: &String| ["one", "two", "three"].iter().position(|known| known == name);
    names.sort_by_key(order);
    Ok(names.join(" "))
}

async fn restrictions(b: &mut Bench) -> Done {
    let values = vec![
        text(tags::PidTagMessageClass, "IPM.Note"),
        integer(tags::PidTagMessageFlags, 0),
        text(tags::PidTagInternetMessageId, "one"),
        text(tags::PidTagSubject, "The Quick brown fox"),
        text(tags::PidTagBody, "nothing of interest"),
        time(tags::PidTagMessageDeliveryTime, 1_000_000_000),
    ];
    let handle = b.new_message(b.folder, values).await?;
    b.set_recipients(handle, &[(1, "findme@example.org".to_owned())]).await?.ok()?;
    let one = b.save_new(handle).await?;
    b.release(handle).await?;
    let body = format!("needle in a haystack {} far behind", "hay ".repeat(400));
    let values = vec![
        integer(tags::PidTagMessageFlags, 0),
        text(tags::PidTagInternetMessageId, "two"),
        text(tags::PidTagSubject, "lazy dog"),
        text(tags::PidTagBody, &body),
        time(tags::PidTagMessageDeliveryTime, 1_100_000_000),
    ];
    b.create_message(b.folder, values).await?;
    let values = vec![
        integer(tags::PidTagMessageFlags, 0),
        text(tags::PidTagInternetMessageId, "three"),
        text(tags::PidTagSubject, "third"),
        text(tags::PidTagBody, "empty"),
        text(tags::PidTagTransportMessageHeaders, "X-Special: marker-value\r\n\r\n"),
        text(tags::PidTagInReplyToId, "<reply@example.org>"),
        time(tags::PidTagMessageDeliveryTime, 1_200_000_000),
    ];
    b.create_message(b.folder, values).await?;
    b.set_read_flags(b.handle, &[one], SetReadFlagsRequest::READ).await?;
    let subject = || contains(tags::PidTagSubject, "quick BROWN");
    let since = Restriction::Property {
        operator: RelationalOperator::GreaterOrEqual,
        tag: tags::PidTagMessageDeliveryTime,
        value: time(tags::PidTagMessageDeliveryTime, 1_150_000_000),
    };
    let unread = Restriction::BitMask { operator: BitmapOperator::EqualToZero, tag: tags::PidTagMessageFlags, mask: 1 };
    let recipient = Restriction::SubObject {
        tag: tags::PidTagMessageRecipients,
        restriction: Box::new(contains(tags::PidTagEmailAddress, "findme")),
    };
    let cases = [
        ("subject contains, other case", subject()),
        ("body contains", contains(tags::PidTagBody, "needle")),
        ("body contains, other case", contains(tags::PidTagBody, "NEEDLE")),
        ("headers contain", contains(tags::PidTagTransportMessageHeaders, "marker-value")),
        ("subject or body", Restriction::Or(vec![subject(), contains(tags::PidTagBody, "needle")])),
        ("not", Restriction::Not(Box::new(subject()))),
        ("unread", unread),
        ("delivered since", since),
        ("recipient contains", recipient),
        ("exists", Restriction::Exist(tags::PidTagInReplyToId)),
        ("beyond the first 510 bytes of the body", contains(tags::PidTagBody, "far behind")),
    ];
    for (name, restriction) in cases {
        let names = found(b, restriction).await?;
        b.see(name, names);
    }
    Ok(())
}
