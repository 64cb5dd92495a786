//! The rows compared with a plain list.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::flag::FlagSet;
use crate::keyword::Keywords;

fn row(uid: u32, flags: u8) -> MessageRow {
    let size = (flags & 1 == 0).then_some(uid);
    MessageRow {
        uid,
        flags: FlagSet::from_bits(flags),
        keywords: if flags & 2 == 0 { Keywords::EMPTY } else { Keywords::from_iter(["a"]) },
        modseq: 1,
        internal_date: 0,
        size,
    }
}

fn many(uids: impl IntoIterator<Item = u32>) -> Rows<MessageRow> {
    uids.into_iter().map(|uid| row(uid, 0)).collect()
}

#[derive(Debug, Clone)]
enum Deed {
    /// So many new messages.
    Append(u32, u8),
    Put(u32, u8),
    /// From this place on, so many.
    Remove(prop::sample::Index, usize),
    /// Everything that follows is compared with what is here now.
    Keep,
}

fn deeds() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => (1..300u32, 0..32u8).prop_map(|(count, flags)| Deed::Append(count, flags)),
        3 => (1..2000u32, 0..32u8).prop_map(|(uid, flags)| Deed::Put(uid, flags)),
        2 => (any::<prop::sample::Index>(), 1..200usize).prop_map(|(at, count)| Deed::Remove(at, count)),
        1 => Just(Deed::Keep),
    ]
}

/// What [`Rows::changes_since`] is to give, by looking at every row.
fn naive<'a>(before: &'a [MessageRow], now: &'a [MessageRow]) -> Vec<Change<'a, MessageRow>> {
    let find = |rows: &'a [MessageRow], uid| rows.iter().find(|row| row.uid == uid);
    let mut uids: Vec<u32> = before.iter().chain(now).map(|row| row.uid).collect();
    uids.sort_unstable();
    uids.dedup();
    let change = |uid: u32| match (find(before, uid), find(now, uid)) {
        (Some(old), None) => Some(Change::Gone(before.partition_point(|row| row.uid < uid), old)),
        (None, Some(new)) => Some(Change::Came(new)),
        (Some(old), Some(new)) if old != new => Some(Change::Changed(old, new)),
        _ => None,
    };
    uids.into_iter().filter_map(change).collect()
}

fn check(rows: &Rows<MessageRow>, model: &[MessageRow]) -> Result<(), TestCaseError> {
    prop_assert!(rows.iter().eq(model));
    prop_assert_eq!((rows.len(), rows.is_empty(), rows.last()), (model.len(), model.is_empty(), model.last()));
    let mut counts = MessageCounts::default();
    model.iter().for_each(|row| counts += row.counts());
    prop_assert_eq!(rows.counts(), counts);
    for uid in (0..2000).step_by(37).chain(model.iter().step_by(61).map(|row| row.uid)) {
        let place = model.binary_search_by_key(&uid, |row| row.uid);
        prop_assert_eq!(rows.position(uid), place.ok());
        prop_assert_eq!(rows.rank(uid), place.unwrap_or_else(|place| place));
        prop_assert_eq!(rows.get(uid), place.ok().map(|place| &model[place]));
        let expected = model.iter().filter(|row| (uid..=uid + 100).contains(&row.uid));
        prop_assert!(rows.range(uid, uid + 100).eq(expected));
    }
    for position in (0..model.len() + 70).step_by(53) {
        prop_assert_eq!(rows.at(position), model.get(position));
        prop_assert!(rows.iter_from(position).eq(model.iter().skip(position)));
    }
    let deleted: Vec<_> = model.iter().enumerate().filter(|(_, row)| row.flags.contains(FlagSet::DELETED)).collect();
    prop_assert!(rows.counting(|counts| counts.deleted > 0).eq(deleted.iter().copied()));
    prop_assert!(rows.counting_from_last(|counts| counts.deleted > 0).eq(deleted.iter().copied().rev()));
    Ok(())
}

proptest! {
    #[test]
    fn rows_are_what_a_list_is(deeds in vec(deeds(), 1..30)) {
        let (mut rows, mut model) = (Rows::default(), Vec::<MessageRow>::new());
        let mut kept = (rows.clone(), model.clone());
        for deed in deeds {
            match deed {
                Deed::Append(count, flags) => {
                    let next = model.last().map_or(1, |row| row.uid + 1);
                    for uid in next..next + count {
                        prop_assert_eq!(rows.put(row(uid, flags)), None);
                        model.push(row(uid, flags));
                    }
                }
                Deed::Put(uid, flags) => {
                    let before = rows.put(row(uid, flags));
                    match model.binary_search_by_key(&uid, |row| row.uid) {
                        Ok(place) => prop_assert_eq!(before, Some(std::mem::replace(&mut model[place], row(uid, flags)))),
                        Err(place) => {
                            prop_assert_eq!(before, None);
                            model.insert(place, row(uid, flags));
                        }
                    }
                }
                Deed::Remove(at, count) => {
                    let from = if model.is_empty() { 0 } else { at.index(model.len()) };
                    for gone in model.drain(from..model.len().min(from + count)) {
                        prop_assert_eq!(rows.remove(gone.uid), Some(gone.clone()));
                        prop_assert_eq!(rows.remove(gone.uid), None);
                    }
                }
                Deed::Keep => kept = (rows.clone(), model.clone()),
            }
        }
        check(&rows, &model)?;
        check(&kept.0, &kept.1)?;
        prop_assert_eq!(rows.changes_since(&kept.0).collect::<Vec<_>>(), naive(&kept.1, &model));
        prop_assert_eq!(kept.0.changes_since(&rows).collect::<Vec<_>>(), naive(&model, &kept.1));
        prop_assert_eq!(rows == kept.0, model == kept.1);
    }
}

/// What it costs to find what is different.
fn steps(before: &Rows<MessageRow>, now: &Rows<MessageRow>) -> usize {
    let mut changes = now.changes_since(before);
    changes.by_ref().for_each(drop);
    changes.steps()
}

#[test]
fn what_did_not_change_is_shared() {
    for size in [1000, 10_000, 400_000] {
        let before = many(1..=size);
        let mut changed = before.clone();
        assert!(changed.is(&before) && steps(&before, &changed) <= 2);
        changed.put(row(size / 2, 4));
        let mut came = before.clone();
        came.put(row(size + 1, 0));
        let mut gone = before.clone();
        gone.remove(size / 3);
        for now in [&changed, &came, &gone] {
            assert_eq!(now.changes_since(&before).count(), 1);
            assert!(steps(&before, now) < 500, "{} of {size}", steps(&before, now));
        }
    }
}

#[test]
fn many_expunged_messages_leave_no_small_chunks() {
    let mut rows = many(1..=100_000);
    (1..=100_000).filter(|uid| uid % 100 != 0).for_each(|uid| drop(rows.remove(uid)));
    assert_eq!(rows.len(), 1000);
    let other = many((1..=1000).map(|number| number * 100));
    assert!(steps(&many([]), &rows) < 2 * steps(&many([]), &other), "more chunks than the rows need");
    (1..=1000).for_each(|number| drop(rows.remove(number * 100)));
    assert!(rows.is_empty() && rows.last().is_none() && rows.at(0).is_none());
    rows.put(row(7, 0));
    assert_eq!(rows.position(7), Some(0));
}
