//! Contents synchronisation.

use mapi_core::fasttransfer::SyncState;
use mapi_core::id::Gid;
use mapi_core::property::{PropertyTag, PropertyType, PropertyValue, TaggedValue, tags};
use mapi_core::rop::{
    GetTransferStateRequest, MoveCopyMessagesRequest, RequestBody, SetMessageStatusRequest, SetReadFlagsRequest,
};

use super::super::bench::session::OUT;
use super::super::bench::{Round, count_of, integer, parse_round, same, yes};
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::Done;
use super::properties::own_name;

const FLAGS: [PropertyTag; 3] = [tags::PidTagMessageFlags, tags::PidTagFlagStatus, tags::PidTagInternetMessageId];

pub(super) const FIRST: Scenario = Scenario {
    name: "first synchronisation",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("an empty folder", "0 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("three messages", "3 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("ids", "same"),
        Expected::must("source keys", "replica and counter of the ids"),
        Expected::must("sizes in the header", "3"),
        Expected::must("change numbers in the header", "same"),
        Expected::must("flags asked for", "3"),
        Expected::may("body not asked for", "0", &["*"], "what is not asked for is passed over"),
        Expected::must("state", "given, seen"),
        Expected::must("ids in the state", "same"),
        Expected::may(
            "order",
            "as created",
            &["newest first", "other"],
            "the gateway gives UIDs in the order of the ids",
        ),
        Expected::must("without any property", "3 changed, 0 gone, 0 read, 0 unread"),
    ],
    run: |b| Box::pin(first(b)),
};

async fn first(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let empty = b.sync(handle, &FLAGS, &SyncState::new()).await?;
    b.see("an empty folder", empty.counts());
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(b.create_plain(folder, &format!("message {n}")).await?);
    }
    let round = b.sync(handle, &FLAGS, &SyncState::new()).await?;
    b.see("three messages", round.counts());
    let order: Vec<_> = round.changes.iter().filter_map(|change| change.mid).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    b.see("ids", same(sorted == ids));
    b.see(
        "order",
        match order.as_slice() {
            order if *order == ids => "as created",
            order if order.iter().rev().eq(&ids) => "newest first",
            _ => "other",
        },
    );
    let replica_guid = b.gid(folder).await?.replica_guid;
    let matching = |change: &mapi_core::fasttransfer::MessageChange| {
        change.mid.is_some_and(|id| change.gid() == Some(Gid { replica_guid, counter: id.counter }))
    };
    let keys = round.changes.iter().all(matching);
    b.see("source keys", if keys { "replica and counter of the ids" } else { "others" });
    b.see("sizes in the header", count_of(&round.changes, |change| change.size.is_some_and(|size| size > 0)));
    let mut numbers = true;
    for change in &round.changes {
        let Some(id) = change.mid else { continue };
        let own = b.message_properties(folder, id, &[tags::PidTagChangeNumber]).await?;
        let own = own.first().and_then(|value| value.value()?.as_i64());
        numbers &= own.is_some() && own == change.change_number.map(|number| number.to_i64());
    }
    b.see("change numbers in the header", same(numbers));
    let with = |tag| count_of(&round.changes, |change| change.properties().get(tag).is_some());
    b.see("flags asked for", with(tags::PidTagMessageFlags));
    b.see("body not asked for", with(tags::PidTagBody));
    let state = &round.raw_state;
    let elements = [("given", state.idset_given.is_some()), ("seen", state.cnset_seen.is_some())];
    let elements: Vec<_> = elements.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect();
    b.see("state", elements.join(", "));
    let given = state.given()?;
    let all = round.changes.iter().filter_map(|change| change.gid()).all(|gid| given.contains(gid));
    b.see("ids in the state", same(all && given.count() == 3));
    let bare = b.sync(handle, &[], &SyncState::new()).await?;
    b.see("without any property", bare.counts());
    Ok(())
}

pub(super) const ROUNDS: Scenario = Scenario {
    name: "synchronisation of changes",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("nothing", "0 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("new", "1 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("read", "0 changed, 0 gone, 1 read, 0 unread"),
        Expected::must("unread", "0 changed, 0 gone, 0 read, 1 unread"),
        Expected::must("flagged", "1 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("flag in the change", "2"),
        Expected::must("keywords", "1 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("keywords in the change", "same"),
        Expected::must("read and flagged", "1 changed"),
        Expected::must("read bit in the change", "yes"),
        Expected::may(
            "message status",
            "0 changed, 0 gone, 0 read, 0 unread",
            &["1 changed, 0 gone, 0 read, 0 unread"],
            "the gateway keeps no flags in the status",
        ),
        Expected::must("moved out", "0 changed, 1 gone, 0 read, 0 unread"),
        Expected::must("moved in", "1 changed, 0 gone, 0 read, 0 unread"),
        Expected::must("source key after the move", "new"),
        Expected::must("deleted softly", "0 changed, 1 gone, 0 read, 0 unread"),
        Expected::may(
            "set of the soft deletion",
            "deleted",
            &["no longer in scope"],
            "the gateway takes all sets alike",
        ),
        Expected::must("deleted beyond recovery", "0 changed, 1 gone, 0 read, 0 unread"),
        Expected::must("an old state again", "replays everything"),
    ],
    run: |b| Box::pin(rounds(b)),
};

async fn rounds(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let named = b.named_tags(&[(own_name("Keywords"), PropertyType::MULTIPLE_STRING)]).await?;
    let Some(keywords) = named.first().copied() else { return Ok(()) };
    let columns = [FLAGS[0], FLAGS[1], FLAGS[2], keywords];
    let one = b.create_plain(folder, "one").await?;
    let two = b.create_plain(folder, "two").await?;
    // A read-state change that every state knows of.
    b.set_read_flags(handle, &[two], SetReadFlagsRequest::READ).await?;
    let mut round = b.sync(handle, &columns, &SyncState::new()).await?;
    let at_first = round.state.clone();
    round = step(b, "nothing", &columns, &round).await?;
    let three = b.create_plain(folder, "three").await?;
    round = step(b, "new", &columns, &round).await?;
    b.set_read_flags(handle, &[one], SetReadFlagsRequest::READ).await?;
    round = step(b, "read", &columns, &round).await?;
    b.set_read_flags(handle, &[one], SetReadFlagsRequest::UNREAD).await?;
    round = step(b, "unread", &columns, &round).await?;
    b.change(folder, one, vec![integer(tags::PidTagFlagStatus, 2)]).await?;
    round = step(b, "flagged", &columns, &round).await?;
    let change = round.changes.first().and_then(|change| change.properties().integer(tags::PidTagFlagStatus));
    b.see("flag in the change", change.unwrap_or_default());
    let words = PropertyValue::MultipleString(vec!["urgent".into()]);
    b.change(folder, one, vec![TaggedValue::new(keywords, words.clone())]).await?;
    round = step(b, "keywords", &columns, &round).await?;
    let change = round.changes.first();
    let there =
        change.and_then(|change| change.properties().get_named(&own_name("Keywords"), PropertyType::MULTIPLE_STRING));
    b.see("keywords in the change", same(there == Some(&words)));
    b.set_read_flags(handle, &[one], SetReadFlagsRequest::READ).await?;
    b.change(folder, one, vec![integer(tags::PidTagFlagStatus, 1)]).await?;
    round = b.sync(handle, &columns, &round.state).await?;
    b.see("read and flagged", format_args!("{} changed", round.changes.len()));
    let flags = round.changes.first().and_then(|change| change.properties().integer(tags::PidTagMessageFlags));
    b.see("read bit in the change", yes(flags.is_some_and(|flags| flags & 1 != 0)));
    let status = SetMessageStatusRequest { message_id: one, message_status_flags: 0x1000, message_status_mask: 0x1000 };
    b.call(handle, RequestBody::SetMessageStatus(status)).await?;
    round = step(b, "message status", &columns, &round).await?;
    let (_, target) = b.create_folder(handle, "target").await?;
    let before = b.sync(target, &columns, &SyncState::new()).await?;
    let request = MoveCopyMessagesRequest {
        dest_handle_index: 1,
        message_ids: vec![two],
        want_asynchronous: false,
        want_copy: false,
    };
    let old = b.gid(two).await?;
    b.call_two(handle, target, RequestBody::MoveCopyMessages(request)).await?.ok()?;
    round = step(b, "moved out", &columns, &round).await?;
    let arrived = b.sync(target, &columns, &before.state).await?;
    b.see("moved in", arrived.counts());
    let new = arrived.changes.first().and_then(|change| change.gid());
    b.see("source key after the move", if new.is_some_and(|new| new != old) { "new" } else { "same" });
    b.delete_messages(handle, &[three], false).await?;
    round = step(b, "deleted softly", &columns, &round).await?;
    b.see("set of the soft deletion", round.deletion_sets.join(", "));
    b.delete_messages(handle, &[one], true).await?;
    step(b, "deleted beyond recovery", &columns, &round).await?;
    let replay = b.sync(handle, &columns, &at_first).await?;
    let whole = replay.changes.is_empty() && replay.deleted.count() == 2;
    b.see("an old state again", if whole { "replays everything".to_owned() } else { replay.counts() });
    Ok(())
}

async fn step(b: &mut Bench, name: &str, columns: &[PropertyTag], last: &Round) -> Result<Round, crate::Trouble> {
    let round = b.sync(b.handle, columns, &last.state).await?;
    b.see(name, round.counts());
    Ok(round)
}

pub(super) const STATES: Scenario = Scenario {
    name: "synchronisation states",
    needs: Needs::Nothing,
    expected: &[
        Expected::must("GetTransferState after uploading: seen", "same"),
        Expected::may(
            "GetTransferState after uploading: given",
            "same",
            &["absent"],
            "the gateway takes states from rounds",
        ),
        Expected::must("a round broken off and begun again", "same"),
        Expected::must("state is the same after an empty round", "same"),
        Expected::must("state without given", "everything again"),
    ],
    run: |b| Box::pin(states(b)),
};

async fn states(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    for n in 0..3 {
        b.create_plain(folder, &format!("message {n}")).await?;
    }
    let round = b.sync(handle, &FLAGS, &SyncState::new()).await?;
    let source = b.sync_source(handle, true, &FLAGS, &round.state).await?;
    let request = RequestBody::GetTransferState(GetTransferStateRequest { output_handle_index: OUT });
    let states = b.call(source, request).await?.ok()?.handle;
    let state = SyncState::from_bytes(&b.download(states).await?)?;
    b.release(source).await?;
    let seen = state.cnset_seen.as_deref().unwrap_or_default();
    let uploaded = round.state.cnset_seen.as_deref().unwrap_or_default();
    let set = mapi_core::id::ReplicaGuidSet::from_bytes;
    b.see("GetTransferState after uploading: seen", same(set(seen)? == set(uploaded)?));
    let given = match &state.idset_given {
        None => "absent",
        Some(given) => same(set(given)? == round.state.given()?),
    };
    b.see("GetTransferState after uploading: given", given);
    b.create_plain(folder, "late").await?;
    let source = b.sync_source(handle, true, &FLAGS, &round.state).await?;
    let cut = b.download(source).await?;
    let cut = parse_round(&cut, true, &round.state)?;
    let again = b.sync(handle, &FLAGS, &round.state).await?;
    let ids = |round: &Round| round.changes.iter().map(|change| change.mid).collect::<Vec<_>>();
    b.see("a round broken off and begun again", same(ids(&cut) == ids(&again)));
    let idle = b.sync(handle, &FLAGS, &again.state).await?;
    let unchanged = idle.state.given()? == again.state.given()?;
    b.see("state is the same after an empty round", same(unchanged));
    let halved = SyncState { idset_given: None, cnset_seen: None, ..again.state };
    let all = b.sync(handle, &FLAGS, &halved).await?;
    b.see("state without given", if all.changes.len() == 4 { "everything again".to_owned() } else { all.counts() });
    Ok(())
}

pub(super) const READ_TRAP: Scenario = Scenario {
    name: "read state before any change of it",
    needs: Needs::Nothing,
    expected: &[
        Expected::may(
            "with the state as it came",
            "1 read",
            &["0 read"],
            "the gateway drops a CnsetRead that reaches to the end",
        ),
        Expected::must("with the state as the gateway stores it", "1 read"),
        Expected::must("and nothing more", "0 changed, 0 gone"),
        Expected::must("in the next round", "0 read or the same again"),
    ],
    run: |b| Box::pin(read_trap(b)),
};

async fn read_trap(b: &mut Bench) -> Done {
    let (folder, handle) = (b.folder, b.handle);
    let one = b.create_plain(folder, "one").await?;
    b.create_plain(folder, "two").await?;
    let first = b.sync(handle, &FLAGS, &SyncState::new()).await?;
    // A round with what the first left, as any client makes it.
    let second = b.sync(handle, &FLAGS, &first.raw_state).await?;
    b.set_read_flags(handle, &[one], SetReadFlagsRequest::READ).await?;
    let raw = b.sync(handle, &FLAGS, &second.raw_state).await?;
    b.see("with the state as it came", format_args!("{} read", raw.read.count()));
    let stored = b.sync(handle, &FLAGS, &first.state).await?;
    b.see("with the state as the gateway stores it", format_args!("{} read", stored.read.count()));
    b.see("and nothing more", format_args!("{} changed, {} gone", stored.changes.len(), stored.deleted.count()));
    let next = b.sync(handle, &FLAGS, &stored.state).await?;
    let harmless = next.changes.is_empty() && next.read.count() <= 1 && next.unread.count() <= 1;
    b.see("in the next round", if harmless { "0 read or the same again".to_owned() } else { next.counts() });
    Ok(())
}
