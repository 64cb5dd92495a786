//! Responses of ROPs in the notation of the recordings' expectations.

use mapi_core::id::ObjectId;
use mapi_core::property::{Form, NamedId, PropertyTag, TaggedValue};
use mapi_core::rop::*;
use mapi_core::wire::Writer;
use serde_json::{Map, Value, json};

use super::value::{binary, hex, property, row, tag, tag_list, text};

/// One element of `expected.rops`. `request` is the ROP that was asked for.
pub fn response(response: &Response, request: Option<RopId>) -> Value {
    let (head, fields) = match response {
        Response::Rop(answer) => {
            let request = request.expect("an answer to something").name();
            let name = request.strip_prefix("Rop").expect("names begin so");
            (json!({ "rop": name, "index": answer.handle_index, "ret": answer.return_value.0 }), body(&answer.body))
        }
        Response::Notify(notify) => (json!({ "rop": "Notify", "ret": null }), notification(notify)),
        Response::Pending { session_index } => {
            (json!({ "rop": "Pending", "ret": null }), json!({ "session_index": session_index }))
        }
        other => panic!("never recorded: {other:?}"),
    };
    merge(head, fields)
}

fn merge(head: Value, more: Value) -> Value {
    let (Value::Object(mut all), Value::Object(more)) = (head, more) else { panic!("two objects") };
    for (key, value) in more {
        assert!(all.insert(key, value).is_none(), "a field stands once");
    }
    Value::Object(all)
}

fn ids(ids: &[ObjectId]) -> Value {
    ids.iter().map(ToString::to_string).collect()
}

fn number(flag: bool) -> u8 {
    u8::from(flag)
}

fn values(values: &[TaggedValue]) -> Value {
    Value::Object(values.iter().map(|v| (tag(v.tag), property(v.tag, &v.value))).collect::<Map<_, _>>())
}

fn problems(problems: &[PropertyProblem]) -> Value {
    let problem = |p: &PropertyProblem| json!([p.index, tag(p.property_tag), format!("0x{:08X}", p.error_code.0)]);
    json!({ "problems": problems.iter().map(problem).collect::<Value>() })
}

fn body(body: &ResponseBody) -> Value {
    use ResponseBody as B;
    match body {
        B::Empty => json!({}),
        B::Logon(LogonResponse::Private(logon)) => {
            let t = &logon.logon_time;
            let mut time = vec![t.seconds, t.minutes, t.hour, t.day_of_week, t.day, t.month];
            time.extend(t.year.to_le_bytes());
            json!({
                "logon_flags": logon.logon_flags,
                "folder_ids": ids(&logon.folder_ids),
                "response_flags": logon.response_flags,
                "mailbox_guid": logon.mailbox_guid.to_string(),
                "repl_id": logon.repl_id,
                "repl_guid": logon.repl_guid.to_string(),
                "logon_time": hex(&time),
                "gwart_time": logon.gwart_time,
                "store_state": logon.store_state,
            })
        }
        B::GetReceiveFolder(r) => {
            json!({ "folder_id": r.folder_id.to_string(), "class": r.explicit_message_class })
        }
        B::LongTermIdFromId(r) => {
            let id = r.long_term_id;
            json!({ "long_term_id": hex(&[&id.gid.to_bytes()[..], &id.padding.to_le_bytes()].concat()) })
        }
        B::IdFromLongTermId(r) => json!({ "id": r.object_id.to_string() }),
        B::OpenFolder(r) => opened_folder(r),
        B::CreateFolder(r) => {
            let head = json!({ "folder_id": r.folder_id.to_string(), "existing": number(r.existing.is_some()) });
            r.existing.as_ref().map_or(head.clone(), |folder| merge(head, opened_folder(folder)))
        }
        B::PartialCompletion(r) => json!({ "partial": number(r.partial_completion) }),
        B::MoveCopy(r) => {
            let partial = json!({ "partial": number(r.partial_completion) });
            r.dest_handle_index.map_or(partial.clone(), |index| merge(partial, json!({ "dest": index })))
        }
        B::GetSearchCriteria(r) => {
            let mut writer = Writer::new();
            if let Some(restriction) = &r.restriction {
                restriction.encode(&mut writer, Form::Rop);
            }
            json!({
                "restriction": hex(writer.as_slice()),
                "folders": ids(&r.folder_ids),
                "flags": format!("0x{:08X}", r.search_flags),
            })
        }
        B::RowCount(r) => json!({ "row_count": r.row_count }),
        B::TableStatus(r) => json!({ "status": r.table_status }),
        B::QueryRows(r) => {
            json!({ "origin": r.origin, "rows": r.rows.iter().map(|x| row(&r.columns, x)).collect::<Value>() })
        }
        B::QueryPosition(r) => json!({ "numerator": r.numerator, "denominator": r.denominator }),
        B::SeekRow(r) => json!({ "less": number(r.has_sought_less), "sought": r.rows_sought }),
        B::FindRow(r) => {
            let head = json!({ "gone": number(r.row_no_longer_visible) });
            r.row.as_ref().map_or(head.clone(), |found| merge(head, json!({ "row": row(&r.columns, found) })))
        }
        B::OpenMessage(r) => opened_message(r),
        B::OpenEmbeddedMessage(r) => {
            assert_eq!(r.reserved, 0);
            merge(json!({ "message_id": r.message_id.to_string() }), opened_message(&r.message))
        }
        B::CreateMessage(r) => r.message_id.map_or(json!({}), |id| json!({ "message_id": id.to_string() })),
        B::SaveChangesMessage(r) => {
            json!({ "input_index": r.input_handle_index, "message_id": r.message_id.to_string() })
        }
        B::ReadRecipients(r) => {
            let one = |x: &ReadRecipientRow| {
                merge(json!({ "row_id": x.row_id }), recipient(&x.recipient, &r.recipient_columns))
            };
            json!({ "recipients": r.recipient_rows.iter().map(one).collect::<Value>() })
        }
        B::SetMessageStatus(r) => json!({ "status_flags": r.message_status_flags }),
        B::CreateAttachment(r) => json!({ "attachment_id": r.attachment_id }),
        B::GetPropertiesSpecific(r) => json!({ "props": row(&r.columns, &r.row) }),
        B::GetPropertiesAll(r) => json!({ "props": values(&r.property_values) }),
        B::PropertyTags(r) => json!({ "tags": tag_list(&r.property_tags) }),
        B::PropertyProblems(r) => problems(&r.property_problems),
        B::CopyProperties(CopyPropertiesResponse::Problems(list)) => problems(list),
        B::GetPropertyIdsFromNames(r) => json!({ "ids": r.property_ids }),
        B::GetNamesFromPropertyIds(r) => {
            let one = |name: &mapi_core::property::PropertyName| match &name.id {
                None => json!([name.guid.to_string(), null]),
                Some(NamedId::Lid(lid)) => json!([name.guid.to_string(), lid]),
                Some(NamedId::Name(text)) => json!([name.guid.to_string(), text]),
            };
            json!({ "names": r.property_names.iter().map(one).collect::<Value>() })
        }
        B::StreamSize(r) => json!({ "size": r.stream_size }),
        B::ReadStream(r) => json!({ "data": binary(&r.data) }),
        B::WriteStream(r) => json!({ "written": r.written_size }),
        B::FastTransferSourceGetBuffer(r) => {
            assert_eq!((r.reserved, r.backoff_time), (0, None));
            json!({
                "status": r.transfer_status,
                "progress": r.in_progress_count,
                "total": r.total_step_count,
                "data": binary(&r.transfer_buffer),
            })
        }
        B::ImportMessage(r) => json!({ "message_id": r.message_id.to_string() }),
        B::GetLocalReplicaIds(r) => {
            json!({ "guid": hex(&r.repl_guid.0), "counter": hex(&r.global_count.to_bytes()) })
        }
        other => panic!("never recorded: {other:?}"),
    }
}

fn opened_folder(folder: &OpenFolderResponse) -> Value {
    let head = json!({ "has_rules": number(folder.has_rules), "ghosted": number(folder.ghosted.is_some()) });
    folder.ghosted.as_ref().map_or(head.clone(), |ghosted| merge(head, json!({ "servers": ghosted.servers })))
}

fn opened_message(message: &OpenMessageResponse) -> Value {
    let typed = |string: &TypedString| string.text().map_or(Value::Null, |s| text(&s));
    let columns = &message.recipient_columns;
    json!({
        "named": number(message.has_named_properties),
        "prefix": typed(&message.subject_prefix),
        "subject": typed(&message.normalized_subject),
        "recipient_count": message.recipient_count,
        "recipient_columns": tag_list(columns),
        "recipients": message.recipient_rows.iter().map(|x| recipient(x, columns)).collect::<Value>(),
    })
}

fn recipient(open: &OpenRecipientRow, columns: &[PropertyTag]) -> Value {
    let recipient = &open.recipient_row;
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| assert!(out.insert(key.to_owned(), value).is_none());
    put("type", open.recipient_type.into());
    put("code_page", open.code_page_id.into());
    put("flags", format!("0x{:04X}", recipient.recipient_flags).into());
    match &recipient.address {
        RecipientAddress::None | RecipientAddress::Known(_) => {}
        RecipientAddress::Other { address_type } => put("address_type", text(address_type)),
        RecipientAddress::X500 { address_prefix_used, display_type, x500_dn } => {
            put("prefix_used", (*address_prefix_used).into());
            put("display_type", (*display_type).into());
            put("x500", text(x500_dn));
        }
        RecipientAddress::PersonalList { entry_id, search_key, .. } => {
            put("entryid", hex(entry_id).into());
            put("search_key", hex(search_key).into());
        }
    }
    let texts = [
        ("email", &recipient.email_address),
        ("display_name", &recipient.display_name),
        ("simple_name", &recipient.simple_display_name),
        ("transmittable_name", &recipient.transmittable_display_name),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            put(key, text(value));
        }
    }
    put("properties", row(&columns[..recipient.properties.values.len()], &recipient.properties));
    put("left", recipient.rest.len().into());
    Value::Object(out)
}

fn notification(notify: &NotifyResponse) -> Value {
    let mut out = Map::new();
    let mut put = |key: &str, value: Value| assert!(out.insert(key.to_owned(), value).is_none());
    put("handle", notify.notification_handle.into());
    put("logon_id", notify.logon_id.into());
    put("flags", format!("0x{:04X}", notify.notification_flags).into());
    match &notify.data {
        NotificationData::Extended => panic!("never recorded"),
        NotificationData::Table(table) => {
            put("table_event", table.event_type.into());
            let rows = [("row_folder", "row_message", "row_instance", &table.row)];
            let after = [("after_folder", "after_message", "after_instance", &table.insert_after)];
            for (folder, message, instance, row) in rows.into_iter().chain(after) {
                if let Some(row) = row {
                    put(folder, row.folder_id.to_string().into());
                    if let Some((id, number)) = row.message {
                        put(message, id.to_string().into());
                        put(instance, number.into());
                    }
                }
            }
            if let Some(data) = &table.row_data {
                put("row_data", hex(data).into());
            }
        }
        NotificationData::Object(object) => {
            let ids = [
                ("folder", Some(object.folder_id)),
                ("message", object.message_id),
                ("parent", object.parent_folder_id),
                ("old_folder", object.old_folder_id),
                ("old_message", object.old_message_id),
                ("old_parent", object.old_parent_folder_id),
            ];
            for (key, id) in ids {
                if let Some(id) = id {
                    put(key, id.to_string().into());
                }
            }
            match &object.tags {
                None => {}
                Some(ChangedTags::All) => put("tag_count", 0xFFFF.into()),
                Some(ChangedTags::Listed(tags)) if tags.is_empty() => put("tag_count", 0.into()),
                Some(ChangedTags::Listed(tags)) => put("tags", tag_list(tags)),
            }
            if let Some(count) = object.total_message_count {
                put("total", count.into());
            }
            if let Some(count) = object.unread_message_count {
                put("unread", count.into());
            }
            if let Some(mail) = &object.new_mail {
                put("message_flags", mail.message_flags.into());
                put("class", mail.message_class.clone().into());
            }
        }
    }
    Value::Object(out)
}
