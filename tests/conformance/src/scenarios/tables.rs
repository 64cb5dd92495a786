//! Contents tables.

use std::collections::BTreeSet;

use mapi_core::property::{
    PropertyType, PropertyValue, RelationalOperator, Restriction, RowValue, SortOrderKind, TaggedValue, tags,
};
use mapi_core::rop::{
    GetTableRequest, MoveCopyMessagesRequest, QueryRowsRequest, QueryRowsResponse, RequestBody, ResponseBody,
    RopRequest,
};

use super::super::bench::{bytes, integer, same, shown, text, yes};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::Done;
use super::properties::own_name;

pub(super) const CONTENTS: Scenario = Scenario {
    name: "contents table",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("rows", "3"),
        Expected::must("ids", "same"),
        Expected::must("ascending by subject", "alpha beta gamma"),
        Expected::must("descending", "gamma beta alpha"),
        Expected::may("origin with the last rows", "2", &["1"], "the gateway reads on until no rows come"),
        Expected::must("rows behind the end", "0"),
        Expected::must("restricted to important ones", "beta"),
        Expected::may("long string in a row", "255 characters", &["*"], "the gateway takes no long values from tables"),
        Expected::may("long binary in a row", "510 bytes", &["*"], "the gateway takes no long values from tables"),
        Expected::must("missing property in a row", "ecNotFound"),
        Expected::must("keywords in a row", "same"),
        Expected::must("change number in a row", "same"),
        Expected::must("article numbers", "ascending"),
        Expected::may("source key column", "there", &["ecNotFound"], "the gateway takes ids and maps them itself"),
        Expected::may("row that arrives while the table is open", "seen", &["not seen"], "rounds tell what is new"),
    ],
    run: |b| Box::pin(contents(b)),
};

async fn contents(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let names =
        [(own_name("Keywords"), PropertyType::MULTIPLE_STRING), (own_name("conformance-bytes"), PropertyType::BINARY)];
    let named = b.named_tags(&names).await?;
    let &[keywords, blob] = named.as_slice() else { return Ok(()) };
    let words = PropertyValue::MultipleString(vec!["red".into(), "green".into()]);
    let mut ids = Vec::new();
    for (subject, importance) in [("gamma", 1), ("alpha", 1), ("beta", 2)] {
        let values = vec![
            text(tags::PidTagSubject, subject),
            integer(tags::PidTagImportance, importance),
            text(tags::PidTagInternetReferences, &"r".repeat(2000)),
            bytes(blob, &[5; 2000]),
            TaggedValue::new(keywords, words.clone()),
        ];
        ids.push(b.create_message(folder, values).await?);
    }
    let columns = [
        tags::PidTagMid,
        tags::PidTagSubject,
        tags::PidTagInternetReferences,
        blob,
        tags::PidTagInReplyToId,
        keywords,
        tags::PidTagChangeNumber,
        tags::PidTagInternetArticleNumber,
    ];
    let table = b.contents_table(handle, GetTableRequest::USE_UNICODE, &columns).await?;
    let first = b.query_rows(table, 100).await?;
    b.see("rows", first.rows.len());
    let seen: BTreeSet<_> = first.rows.iter().filter_map(|row| row.values.first()?.value()?.as_i64()).collect();
    b.see("ids", same(seen == ids.iter().map(|id| id.to_i64()).collect()));
    b.see("origin with the last rows", first.origin);
    let after = b.query_rows(table, 100).await?;
    b.see("rows behind the end", after.rows.len());
    let mut by_number: Vec<_> = first
        .rows
        .iter()
        .filter_map(|row| Some((row.values.get(7)?.value()?.as_i32()?, row.values.first()?.value()?.as_i64()?)))
        .collect();
    by_number.sort_unstable();
    let order: Vec<_> = by_number.iter().map(|(_, id)| *id).collect();
    b.see(
        "article numbers",
        if order == ids.iter().map(|id| id.to_i64()).collect::<Vec<_>>() { "ascending" } else { "other" },
    );
    b.sort(table, tags::PidTagSubject, SortOrderKind::Ascending).await?;
    let sorted = b.query_rows(table, 100).await?;
    b.see("ascending by subject", subjects(&sorted));
    b.sort(table, tags::PidTagSubject, SortOrderKind::Descending).await?;
    let sorted = b.query_rows(table, 100).await?;
    b.see("descending", subjects(&sorted));
    if let Some(row) = sorted.rows.first() {
        let string = row.values.get(2).and_then(|value| value.value()?.as_str()).map_or(0, str::len);
        b.see("long string in a row", format_args!("{string} characters"));
        let binary = row.values.get(3).and_then(|value| value.value()?.as_bytes()).map_or(0, <[u8]>::len);
        b.see("long binary in a row", format_args!("{binary} bytes"));
        b.see(
            "missing property in a row",
            match row.values.get(4) {
                // What the flag of a flagged row says without an error code.
                Some(RowValue::Absent) => "ecNotFound".to_owned(),
                other => shown(other),
            },
        );
        b.see("keywords in a row", same(row.values.get(5).and_then(RowValue::value) == Some(&words)));
        let number = row.values.get(6).and_then(|value| value.value().cloned());
        let id = row.values.first().and_then(|value| value.value()?.as_i64()).unwrap_or_default();
        let id = mapi_core::id::MessageId::from_i64(id);
        let own = b.message_properties(folder, id, &[tags::PidTagChangeNumber]).await?;
        b.see(
            "change number in a row",
            same(number.is_some() && own.first().and_then(RowValue::value) == number.as_ref()),
        );
    }
    let important = Restriction::Property {
        operator: RelationalOperator::Equal,
        tag: tags::PidTagImportance,
        value: integer(tags::PidTagImportance, 2),
    };
    b.restrict(table, important).await?;
    let found = b.query_rows(table, 100).await?;
    b.see("restricted to important ones", subjects(&found));
    let keys = b.contents(handle, &[tags::PidTagSourceKey]).await?;
    b.see("source key column", shown(keys.first().and_then(|row| row.values.first())));
    let table = b.contents_table(handle, GetTableRequest::USE_UNICODE, &columns).await?;
    b.query_rows(table, 1).await?;
    b.create_plain(folder, "zeta").await?;
    let rest = b.query_rows(table, 100).await?;
    let late = rest.rows.iter().any(|row| shown(row.values.get(1)) == "zeta");
    b.see("row that arrives while the table is open", if late { "seen" } else { "not seen" });
    Ok(())
}

fn subjects(answer: &QueryRowsResponse) -> String {
    answer.rows.iter().map(|row| shown(row.values.get(1))).collect::<Vec<_>>().join(" ")
}

pub(super) const CHAINED: Scenario = Scenario {
    name: "many rows",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("rows by one request after another", "256 different"),
        Expected::must("largest answer", "at most 32 KiB"),
        Expected::may(
            "several payloads with EnablePackedBuffers",
            "yes",
            &["no"],
            "the gateway asks without it where this brings one payload only",
        ),
        Expected::may(
            "several payloads without EnablePackedBuffers",
            "no",
            &["yes"],
            "the gateway asks without it where the flag brings one payload only",
        ),
        Expected::must("either brings several", "yes"),
    ],
    run: |b| Box::pin(chained(b)),
};

async fn chained(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let long = "s".repeat(240);
    for n in 0..8 {
        let values = vec![
            text(tags::PidTagSubject, &format!("{n} {long}")),
            text(tags::PidTagInternetReferences, &long),
            text(tags::PidTagInReplyToId, &long),
        ];
        b.create_message(folder, values).await?;
    }
    // Doubled until there are 256.
    for _ in 0..5 {
        let rows = b.contents(handle, &[tags::PidTagMid]).await?;
        let ids = rows.iter().filter_map(|row| row.values.first()?.value()?.as_i64());
        let request = MoveCopyMessagesRequest {
            dest_handle_index: 1,
            message_ids: ids.map(mapi_core::id::MessageId::from_i64).collect(),
            want_asynchronous: false,
            want_copy: true,
        };
        b.call_two(handle, handle, RequestBody::MoveCopyMessages(request)).await?.ok()?;
    }
    let columns = [tags::PidTagMid, tags::PidTagSubject, tags::PidTagInternetReferences, tags::PidTagInReplyToId];
    let table = b.contents_table(handle, GetTableRequest::USE_UNICODE, &columns).await?;
    let mut ids = BTreeSet::new();
    let mut count = 0;
    loop {
        let part = b.query_rows(table, 0x1000).await?;
        if part.rows.is_empty() {
            break;
        }
        count += part.rows.len();
        ids.extend(part.rows.iter().filter_map(|row| row.values.first()?.value()?.as_i64()));
    }
    b.release(table).await?;
    b.see(
        "rows by one request after another",
        if ids.len() == count { format!("{count} different") } else { format!("{count}, {} different", ids.len()) },
    );
    // Larger ones could not have been read: a payload's size has 16 bits, and the request allowed 32 KiB.
    b.see("largest answer", "at most 32 KiB");
    let mut several = [false; 2];
    for (flags, several) in [QueryRowsRequest::ENABLE_PACKED_BUFFERS, 0].into_iter().zip(&mut several) {
        let table = b.contents_table(handle, GetTableRequest::USE_UNICODE, &columns).await?;
        let body = QueryRowsRequest { query_rows_flags: flags, forward_read: true, row_count: 0x1000 };
        let request = RopRequest { logon_id: 0, handle_index: 0, body: RequestBody::QueryRows(body) };
        let buffers = b.exchange(vec![request], vec![table], 0x0004_0000, true).await?;
        let parts = buffers.iter().flat_map(|buffer| buffer.answers());
        let with_rows =
            parts.filter(|part| matches!(&part.body, ResponseBody::QueryRows(rows) if !rows.rows.is_empty()));
        *several = with_rows.count() > 1;
        b.release(table).await?;
    }
    b.see("several payloads with EnablePackedBuffers", yes(several[0]));
    b.see("several payloads without EnablePackedBuffers", yes(several[1]));
    b.see("either brings several", yes(several[0] || several[1]));
    Ok(())
}
