//! Restrictions and orders over objects of the store.

use std::cmp::Ordering;

use mapi_core::property::tags::*;
use mapi_core::property::{
    BitmapOperator, FuzzyLevel, PropertyTag, PropertyType, PropertyValue, RelationalOperator, Restriction,
};

use super::Mailbox;
use super::message::value_size;
use super::view::{BagView, INST_ID, Properties};

/// Whether an object matches a restriction ([MS-OXCDATA] 2.12). A property that is missing matches nothing, except
/// "not equal".
pub fn matches(restriction: &Restriction, mailbox: &Mailbox, object: &dyn Properties) -> bool {
    let holds = |inner: &Restriction| matches(inner, mailbox, object);
    match restriction {
        Restriction::And(list) => list.iter().all(holds),
        Restriction::Or(list) => list.iter().any(holds),
        Restriction::Not(inner) => !holds(inner),
        Restriction::Content { fuzzy, tag, value } => {
            object.value(single(*tag)).is_some_and(|found| contains(&found, &value.value, *fuzzy))
        }
        Restriction::Property { operator, tag, value } => match object.value(single(*tag)) {
            Some(found) => relates(*tag, &found, *operator, &value.value),
            None => *operator == RelationalOperator::NotEqual,
        },
        Restriction::CompareProperties { operator, left, right } => match (object.value(*left), object.value(*right)) {
            (Some(a), Some(b)) => relates(*left, &a, *operator, &b),
            _ => false,
        },
        Restriction::BitMask { operator, tag, mask } => {
            let bits = object.value(*tag).and_then(|v| v.as_i32()).unwrap_or(0).cast_unsigned() & mask;
            (bits == 0) == (*operator == BitmapOperator::EqualToZero)
        }
        Restriction::Size { operator, tag, size } => {
            let wanted = i64::from(*size);
            object.value(*tag).is_some_and(|value| {
                let found = i64::try_from(value_size(&value)).unwrap_or(i64::MAX);
                holds_for(found.cmp(&wanted), *operator)
            })
        }
        Restriction::Exist(tag) => object.value(*tag).is_some(),
        Restriction::SubObject { tag, restriction } => {
            object.children(*tag).into_iter().any(|bag| matches(restriction, mailbox, &BagView { mailbox, bag }))
        }
        Restriction::Comment { restriction, .. } => restriction.as_deref().is_none_or(holds),
        Restriction::Count { restriction, .. } => holds(restriction),
    }
}

/// The order of two values of the property `tag`; text without regard to case, as tables sort it.
pub fn compare(tag: PropertyTag, left: &PropertyValue, right: &PropertyValue) -> Option<Ordering> {
    use PropertyValue as V;
    Some(match (left, right) {
        (V::String(a), V::String(b)) => fold(a).cmp(&fold(b)),
        (V::String(a), V::String8(b)) | (V::String8(b), V::String(a)) => fold(a).as_bytes().cmp(b),
        (V::Boolean(a), V::Boolean(b)) => a.cmp(b),
        (V::Time(a), V::Time(b)) => a.cmp(b),
        (V::Floating32(a), V::Floating32(b)) => a.partial_cmp(b)?,
        (V::Floating64(a), V::Floating64(b)) | (V::FloatingTime(a), V::FloatingTime(b)) => a.partial_cmp(b)?,
        (V::Guid(a), V::Guid(b)) => a.cmp(b),
        // Ids compare as their counters do, not as the little-endian numbers they look like.
        (V::Integer64(a), V::Integer64(b)) if is_id(tag) => a.to_le_bytes().cmp(&b.to_le_bytes()),
        (a, b) if a.as_i64().is_some() => a.as_i64().cmp(&b.as_i64()),
        (a, b) => a.as_bytes()?.cmp(b.as_bytes()?),
    })
}

fn relates(tag: PropertyTag, found: &PropertyValue, operator: RelationalOperator, wanted: &PropertyValue) -> bool {
    use PropertyValue as V;
    match found {
        // A list matches if one of its elements does.
        V::MultipleString(list) => list.iter().any(|one| relates(tag, &V::String(one.clone()), operator, wanted)),
        V::MultipleBinary(list) => list.iter().any(|one| relates(tag, &V::Binary(one.clone()), operator, wanted)),
        V::MultipleInteger32(list) => list.iter().any(|one| relates(tag, &V::Integer32(*one), operator, wanted)),
        _ => match (compare(tag, found, wanted), wanted) {
            (Some(order), _) => holds_for(order, operator),
            (None, V::MultipleString(list)) => {
                list.iter().any(|one| relates(tag, found, operator, &V::String(one.clone())))
            }
            (None, _) => operator == RelationalOperator::NotEqual,
        },
    }
}

fn holds_for(order: Ordering, operator: RelationalOperator) -> bool {
    match operator {
        RelationalOperator::Less => order.is_lt(),
        RelationalOperator::LessOrEqual => order.is_le(),
        RelationalOperator::Greater => order.is_gt(),
        RelationalOperator::GreaterOrEqual => order.is_ge(),
        RelationalOperator::Equal => order.is_eq(),
        RelationalOperator::NotEqual => order.is_ne(),
        RelationalOperator::MemberOfDl => false,
    }
}

fn contains(found: &PropertyValue, wanted: &PropertyValue, fuzzy: FuzzyLevel) -> bool {
    use PropertyValue as V;
    let ignore_case = fuzzy.high & 5 != 0;
    let text = |found: &str, wanted: &str| {
        let folded = if ignore_case { (fold(found), fold(wanted)) } else { (found.to_owned(), wanted.to_owned()) };
        let (found, wanted) = (folded.0.as_str(), folded.1.as_str());
        match fuzzy.low {
            0 => found == wanted,
            2 => found.starts_with(wanted),
            _ => found.contains(wanted),
        }
    };
    match (found, wanted) {
        (V::String(found), V::String(wanted)) => text(found, wanted),
        (V::String(found), V::String8(wanted)) => text(found, &String::from_utf8_lossy(wanted)),
        (V::MultipleString(list), V::String(wanted)) => list.iter().any(|found| text(found, wanted)),
        (V::MultipleString(list), V::MultipleString(wanted)) => {
            list.iter().any(|found| wanted.iter().any(|wanted| text(found, wanted)))
        }
        // PidTagHtml holds text although its type is binary.
        (V::Binary(found), V::String(wanted)) => text(&String::from_utf8_lossy(found), wanted),
        (V::Binary(found), V::Binary(wanted)) if ignore_case => {
            text(&String::from_utf8_lossy(found), &String::from_utf8_lossy(wanted))
        }
        (V::Binary(found), V::Binary(wanted)) => match fuzzy.low {
            0 => found == wanted,
            2 => found.starts_with(wanted),
            _ => wanted.is_empty() || found.windows(wanted.len()).any(|window| window == wanted),
        },
        _ => false,
    }
}

/// Whether a 64-bit integer is an id: eight wire bytes whose counter is big-endian.
fn is_id(tag: PropertyTag) -> bool {
    [PidTagMid, PidTagFolderId, PidTagParentFolderId, PidTagChangeNumber, INST_ID].contains(&tag)
}

/// Columns of one element per row stand for their list here.
fn single(tag: PropertyTag) -> PropertyTag {
    tag.with_kind(PropertyType(tag.kind().0 & !0x2000))
}

fn fold(text: &str) -> String {
    text.to_lowercase()
}
