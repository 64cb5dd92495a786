//! Random values of everything that ROPs carry, for the round-trip tests.

use std::sync::Arc;

use rand::Rng;
use rand::rngs::StdRng;

use super::*;
use crate::ErrorCode;
use crate::id::{FolderId, Gid, GlobalCounter, Guid, LongTermId, ObjectId};
use crate::property::{
    BitmapOperator, FileTime, FuzzyLevel, NamedId, PropertyName, PropertyRow, PropertyTag, PropertyType, PropertyValue,
    RelationalOperator, Restriction, RowValue, SortOrder, SortOrderKind, TaggedValue,
};
use crate::wire::{Reader, Writer};

pub(super) type SampleRng = StdRng;

/// A type with random values that survive a round trip.
pub(super) trait Sample: Sized {
    fn sample(rng: &mut SampleRng) -> Self;
}

/// What may follow a return value, with the context that reading it needs.
pub(super) trait SampleAnswer: Sized {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext);
}

impl<T: codec::Wire + Sample> SampleAnswer for T {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext) {
        (return_value.is_success().then(|| T::sample(rng)), ResponseContext::None)
    }
}

macro_rules! sample_numbers {
    ($($ty:ty)*) => { $(impl Sample for $ty {
        fn sample(rng: &mut SampleRng) -> Self { rng.random() }
    })* };
}

sample_numbers! { u8 u16 u32 u64 i16 i32 i64 bool f32 f64 }

macro_rules! sample_structs {
    ($($ty:ident { $($field:ident),* })*) => { $(impl Sample for $ty {
        fn sample(rng: &mut SampleRng) -> Self { Self { $($field: Sample::sample(rng)),* } }
    })* };
}

sample_structs! {
    LogonRequest { logon_flags, open_flags, store_state, essdn }
    OwningServers { cheap_server_count, servers }
    OpenFolderResponse { has_rules, ghosted }
    CreateFolderRequest { output_handle_index, folder_type, use_unicode_strings, open_existing, reserved, display_name, comment }
    CreateFolderResponse { folder_id, existing }
    MoveFolderRequest { dest_handle_index, want_asynchronous, use_unicode, folder_id, new_folder_name }
    CopyFolderRequest { dest_handle_index, want_asynchronous, want_recursive, use_unicode, folder_id, new_folder_name }
    SortTableRequest { sort_table_flags, category_count, expanded_count, sort_orders }
    CreateMessageResponse { message_id }
    SetMessageReadFlagResponse { read_status_change }
    QueryNamedPropertiesRequest { query_flags, property_guid }
    QueryNamedPropertiesResponse { properties }
    GetAddressTypesResponse { address_types }
    TransportSendResponse { property_values }
    ModifyRowsRequest { modify_flags, rows }
    GetLocalReplicaIdsResponse { repl_guid, global_count }
    SetLocalReplicaMidsetDeletedRequest { long_term_id_ranges }
    Gid { replica_guid, counter }
    LongTermId { gid, padding }
    ObjectId { replica_id, counter }
    FuzzyLevel { low, high }
    BackoffRop { rop_id, duration }
    BackoffResponse { logon_id, duration, backoff_rops, additional_data }
    TableRowId { folder_id, message }
    NewMail { message_flags, unicode, message_class }
}

impl<const N: usize> Sample for [u8; N] {
    fn sample(rng: &mut SampleRng) -> Self {
        rng.random()
    }
}

impl Sample for [FolderId; 13] {
    fn sample(rng: &mut SampleRng) -> Self {
        std::array::from_fn(|_| Sample::sample(rng))
    }
}

impl<A: Sample, B: Sample> Sample for (A, B) {
    fn sample(rng: &mut SampleRng) -> Self {
        (A::sample(rng), B::sample(rng))
    }
}

impl<T: Sample> Sample for Option<T> {
    fn sample(rng: &mut SampleRng) -> Self {
        rng.random::<bool>().then(|| T::sample(rng))
    }
}

impl<T: Sample> Sample for Vec<T> {
    fn sample(rng: &mut SampleRng) -> Self {
        let count = rng.random_range(0..5);
        (0..count).map(|_| T::sample(rng)).collect()
    }
}

/// Text that 8-bit strings can carry too.
impl Sample for String {
    fn sample(rng: &mut SampleRng) -> Self {
        let count = rng.random_range(0..6);
        (0..count).map(|_| char::from(rng.random_range(1..=0xFFu8))).collect()
    }
}

impl Sample for Guid {
    fn sample(rng: &mut SampleRng) -> Self {
        Self(rng.random())
    }
}

impl Sample for GlobalCounter {
    fn sample(rng: &mut SampleRng) -> Self {
        Self::new(rng.random())
    }
}

impl Sample for ErrorCode {
    fn sample(rng: &mut SampleRng) -> Self {
        Self(rng.random())
    }
}

impl Sample for RopId {
    fn sample(rng: &mut SampleRng) -> Self {
        Self(rng.random())
    }
}

/// Types with a form in ROP buffers.
const KINDS: &[u16] = &[
    0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x0007, 0x000A, 0x000B, 0x0014, 0x001E, 0x001F, 0x0040, 0x0048,
    0x00FB, 0x00FE, 0x0102, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007, 0x1014, 0x101E, 0x101F, 0x1040, 0x1048,
    0x1102,
];

impl Sample for PropertyTag {
    fn sample(rng: &mut SampleRng) -> Self {
        Self::new(rng.random(), PropertyType(KINDS[rng.random_range(0..KINDS.len())]))
    }
}

fn bytes8(rng: &mut SampleRng) -> Vec<u8> {
    String::sample(rng).chars().map(|c| u8::try_from(u32::from(c)).expect("Latin-1")).collect()
}

fn unicode(rng: &mut SampleRng) -> String {
    String::sample(rng) + ["", "€", "𝄞"][rng.random_range(0..3)]
}

fn list<T>(rng: &mut SampleRng, mut make: impl FnMut(&mut SampleRng) -> T) -> Vec<T> {
    (0..rng.random_range(0..4)).map(|_| make(rng)).collect()
}

fn value(rng: &mut SampleRng, kind: PropertyType) -> PropertyValue {
    use PropertyValue as V;
    match kind.0 {
        0x0001 => V::Null,
        0x0002 => V::Integer16(rng.random()),
        0x0003 => V::Integer32(rng.random()),
        0x0004 => V::Floating32(rng.random()),
        0x0005 => V::Floating64(rng.random()),
        0x0006 => V::Currency(rng.random()),
        0x0007 => V::FloatingTime(rng.random()),
        0x000A => V::ErrorCode(rng.random()),
        0x000B => V::Boolean(rng.random()),
        0x0014 => V::Integer64(rng.random()),
        0x001E => V::String8(bytes8(rng)),
        0x001F => V::String(unicode(rng)),
        0x0040 => V::Time(FileTime(rng.random())),
        0x0048 => V::Guid(Sample::sample(rng)),
        0x00FB => V::ServerId(Sample::sample(rng)),
        0x00FE => V::RuleAction(vec![1, 0, 2, 0, rng.random(), rng.random()]),
        0x0102 => V::Binary(Sample::sample(rng)),
        0x1002 => V::MultipleInteger16(Sample::sample(rng)),
        0x1003 => V::MultipleInteger32(Sample::sample(rng)),
        0x1004 => V::MultipleFloating32(Sample::sample(rng)),
        0x1005 => V::MultipleFloating64(Sample::sample(rng)),
        0x1006 => V::MultipleCurrency(Sample::sample(rng)),
        0x1007 => V::MultipleFloatingTime(Sample::sample(rng)),
        0x1014 => V::MultipleInteger64(Sample::sample(rng)),
        0x101E => V::MultipleString8(list(rng, bytes8)),
        0x101F => V::MultipleString(list(rng, unicode)),
        0x1040 => V::MultipleTime(list(rng, |rng| FileTime(rng.random()))),
        0x1048 => V::MultipleGuid(Sample::sample(rng)),
        0x1102 => V::MultipleBinary(Sample::sample(rng)),
        other => unreachable!("{other:#06x} is not among KINDS"),
    }
}

impl Sample for TaggedValue {
    fn sample(rng: &mut SampleRng) -> Self {
        let tag = PropertyTag::sample(rng);
        Self::new(tag, value(rng, tag.kind()))
    }
}

impl Sample for PropertyName {
    fn sample(rng: &mut SampleRng) -> Self {
        let id = match rng.random_range(0..3) {
            0 => None,
            1 => Some(NamedId::Lid(rng.random())),
            _ => Some(NamedId::Name(unicode(rng))),
        };
        Self { guid: Sample::sample(rng), id }
    }
}

impl Sample for SortOrder {
    fn sample(rng: &mut SampleRng) -> Self {
        let orders = [SortOrderKind::Ascending, SortOrderKind::Descending, SortOrderKind::MaximumCategory];
        Self { tag: Sample::sample(rng), order: orders[rng.random_range(0..3)] }
    }
}

impl Sample for Restriction {
    fn sample(rng: &mut SampleRng) -> Self {
        restriction(rng, 3)
    }
}

fn restriction(rng: &mut SampleRng, depth: usize) -> Restriction {
    use RelationalOperator as Op;
    let operators =
        [Op::Less, Op::LessOrEqual, Op::Greater, Op::GreaterOrEqual, Op::Equal, Op::NotEqual, Op::MemberOfDl];
    let operator = operators[rng.random_range(0..operators.len())];
    let tag = PropertyTag::sample(rng);
    let first = if depth == 0 { 6 } else { 0 };
    match rng.random_range(first..12) {
        0 => Restriction::And(list(rng, |rng| restriction(rng, depth - 1))),
        1 => Restriction::Or(list(rng, |rng| restriction(rng, depth - 1))),
        2 => Restriction::Not(Box::new(restriction(rng, depth - 1))),
        3 => Restriction::SubObject { tag, restriction: Box::new(restriction(rng, depth - 1)) },
        4 => Restriction::Comment {
            values: Sample::sample(rng),
            restriction: rng.random::<bool>().then(|| Box::new(restriction(rng, depth - 1))),
        },
        5 => Restriction::Count { count: rng.random(), restriction: Box::new(restriction(rng, depth - 1)) },
        6 => Restriction::Content { fuzzy: Sample::sample(rng), tag, value: Sample::sample(rng) },
        7 => Restriction::Property { operator, tag, value: Sample::sample(rng) },
        8 => Restriction::CompareProperties { operator, left: tag, right: Sample::sample(rng) },
        9 => {
            let operators = [BitmapOperator::EqualToZero, BitmapOperator::NotEqualToZero];
            Restriction::BitMask { operator: operators[rng.random_range(0..2)], tag, mask: rng.random() }
        }
        10 => Restriction::Size { operator, tag, size: rng.random() },
        _ => Restriction::Exist(tag),
    }
}

/// Columns, some of them without type.
fn columns(rng: &mut SampleRng) -> Arc<[PropertyTag]> {
    let mut columns: Vec<PropertyTag> = Sample::sample(rng);
    for column in &mut columns {
        if rng.random_range(0..4) == 0 {
            *column = column.with_kind(PropertyType::UNSPECIFIED);
        }
    }
    columns.into()
}

fn row(rng: &mut SampleRng, columns: &[PropertyTag]) -> PropertyRow {
    let flagged = rng.random();
    let values = columns.iter().map(|column| {
        let kind =
            if column.kind() == PropertyType::UNSPECIFIED { PropertyTag::sample(rng).kind() } else { column.kind() };
        match if flagged { rng.random_range(0..4) } else { 0 } {
            2 => RowValue::Absent,
            3 => RowValue::Error(rng.random()),
            _ => RowValue::Value(value(rng, kind)),
        }
    });
    PropertyRow { values: values.collect(), flagged }
}

fn recipient_row(rng: &mut SampleRng, columns: &[PropertyTag]) -> RecipientRow {
    let address = match rng.random_range(0..5) {
        0 => RecipientAddress::None,
        1 => RecipientAddress::Other { address_type: Sample::sample(rng) },
        2 => RecipientAddress::X500 {
            address_prefix_used: rng.random(),
            display_type: rng.random(),
            x500_dn: Sample::sample(rng),
        },
        3 => RecipientAddress::Known(rng.random_range(2..6)),
        _ => RecipientAddress::PersonalList {
            kind: rng.random_range(6..8),
            entry_id: Sample::sample(rng),
            search_key: Sample::sample(rng),
        },
    };
    let used = rng.random_range(0..=columns.len());
    let mut row = RecipientRow {
        recipient_flags: rng.random(),
        address,
        email_address: Sample::sample(rng),
        display_name: Sample::sample(rng),
        simple_display_name: Sample::sample(rng),
        transmittable_display_name: Sample::sample(rng),
        properties: row(rng, &columns[..used]),
        rest: if rng.random_range(0..4) == 0 { Sample::sample(rng) } else { Vec::new() },
    };
    row.recipient_flags = row.flags();
    row
}

fn open_recipient_row(rng: &mut SampleRng, columns: &[PropertyTag]) -> OpenRecipientRow {
    OpenRecipientRow {
        recipient_type: rng.random(),
        code_page_id: rng.random(),
        reserved: rng.random(),
        recipient_row: recipient_row(rng, columns),
    }
}

impl Sample for TypedString {
    fn sample(rng: &mut SampleRng) -> Self {
        match rng.random_range(0..5) {
            0 => Self::None,
            1 => Self::Empty,
            2 => Self::String8(bytes8(rng)),
            3 => Self::ReducedUnicode(Sample::sample(rng)),
            _ => Self::Unicode(unicode(rng)),
        }
    }
}

impl Sample for OpenMessageResponse {
    fn sample(rng: &mut SampleRng) -> Self {
        let recipient_columns = columns(rng);
        Self {
            has_named_properties: rng.random(),
            subject_prefix: Sample::sample(rng),
            normalized_subject: Sample::sample(rng),
            recipient_count: rng.random(),
            recipient_rows: list(rng, |rng| open_recipient_row(rng, &recipient_columns)),
            recipient_columns,
        }
    }
}

impl Sample for ModifyRecipientsRequest {
    fn sample(rng: &mut SampleRng) -> Self {
        let recipient_columns = columns(rng).to_vec();
        let recipient_rows = list(rng, |rng| ModifyRecipientRow {
            row_id: rng.random(),
            recipient_type: rng.random(),
            recipient_row: rng.random::<bool>().then(|| recipient_row(rng, &recipient_columns)),
        });
        Self { recipient_columns, recipient_rows }
    }
}

impl Sample for GetReceiveFolderTableResponse {
    fn sample(rng: &mut SampleRng) -> Self {
        let columns = Self::columns();
        Self { rows: list(rng, |rng| row(rng, &columns)) }
    }
}

/// Of a logon to a private mailbox.
impl Sample for SetMessageReadFlagRequest {
    fn sample(rng: &mut SampleRng) -> Self {
        Self { input_handle_index: rng.random(), read_flags: rng.random(), client_data: None }
    }
}

impl Sample for RegisterNotificationRequest {
    fn sample(rng: &mut SampleRng) -> Self {
        let notification_types: u16 = rng.random();
        Self {
            output_handle_index: rng.random(),
            notification_types,
            reserved: if notification_types & notification_flags::EXTENDED != 0 { rng.random() } else { 0 },
            scope: Sample::sample(rng),
        }
    }
}

impl Sample for ReadStreamRequest {
    fn sample(rng: &mut SampleRng) -> Self {
        if rng.random() { Self::ByteCount(rng.random_range(0..0xBABE)) } else { Self::MaximumByteCount(rng.random()) }
    }
}

impl Sample for FastTransferSourceGetBufferRequest {
    fn sample(rng: &mut SampleRng) -> Self {
        if rng.random() { Self::BufferSize(rng.random_range(0..0xBABE)) } else { Self::MaximumBufferSize(rng.random()) }
    }
}

impl SampleAnswer for LogonResponse {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext) {
        let private = rng.random();
        let body = match return_value {
            ErrorCode::WRONG_SERVER => {
                Some(Self::Redirect { logon_flags: rng.random(), server_name: Sample::sample(rng) })
            }
            code if !code.is_success() => None,
            _ if private => Some(Self::Private(Sample::sample(rng))),
            _ => Some(Self::Public(Sample::sample(rng))),
        };
        (body, ResponseContext::Logon { private })
    }
}

impl SampleAnswer for PartialCompletionResponse {
    fn sample_answer(rng: &mut SampleRng, _: ErrorCode) -> (Option<Self>, ResponseContext) {
        (Some(Self { partial_completion: rng.random() }), ResponseContext::None)
    }
}

fn null_destination(rng: &mut SampleRng, return_value: ErrorCode) -> Option<u32> {
    (return_value == ErrorCode::DST_NULL_OBJECT).then(|| rng.random())
}

impl SampleAnswer for MoveCopyResponse {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext) {
        let dest_handle_index = null_destination(rng, return_value);
        (Some(Self { dest_handle_index, partial_completion: rng.random() }), ResponseContext::None)
    }
}

impl SampleAnswer for CopyPropertiesResponse {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext) {
        let body = match null_destination(rng, return_value) {
            Some(index) => Some(Self::NullDestination(index)),
            None => return_value.is_success().then(|| Self::Problems(Sample::sample(rng))),
        };
        (body, ResponseContext::None)
    }
}

impl SampleAnswer for CopyToStreamResponse {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext) {
        let dest_handle_index = null_destination(rng, return_value);
        let body = Self { dest_handle_index, read_byte_count: rng.random(), written_byte_count: rng.random() };
        (Some(body), ResponseContext::None)
    }
}

impl SampleAnswer for ReadStreamResponse {
    fn sample_answer(rng: &mut SampleRng, _: ErrorCode) -> (Option<Self>, ResponseContext) {
        (Some(Self { data: Sample::sample(rng) }), ResponseContext::None)
    }
}

impl SampleAnswer for WriteStreamResponse {
    fn sample_answer(rng: &mut SampleRng, _: ErrorCode) -> (Option<Self>, ResponseContext) {
        (Some(Self { written_size: rng.random() }), ResponseContext::None)
    }
}

impl SampleAnswer for WriteStreamExtendedResponse {
    fn sample_answer(rng: &mut SampleRng, _: ErrorCode) -> (Option<Self>, ResponseContext) {
        (Some(Self { written_size: rng.random() }), ResponseContext::None)
    }
}

impl SampleAnswer for FastTransferSourceGetBufferResponse {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext) {
        let body = Self {
            transfer_status: rng.random(),
            in_progress_count: rng.random(),
            total_step_count: rng.random(),
            reserved: rng.random(),
            transfer_buffer: Sample::sample(rng),
            backoff_time: (return_value == ErrorCode::SERVER_BUSY).then(|| rng.random()),
        };
        (Some(body), ResponseContext::None)
    }
}

impl SampleAnswer for QueryRowsResponse {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext) {
        let columns = columns(rng);
        let rows = list(rng, |rng| row(rng, &columns));
        let body = Self { origin: rng.random(), columns: Arc::clone(&columns), rows };
        (return_value.is_success().then_some(body), ResponseContext::Columns(columns))
    }
}

impl SampleAnswer for FindRowResponse {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext) {
        let columns = columns(rng);
        let row = rng.random::<bool>().then(|| row(rng, &columns));
        let body = Self { row_no_longer_visible: rng.random(), columns: Arc::clone(&columns), row };
        (return_value.is_success().then_some(body), ResponseContext::Columns(columns))
    }
}

impl SampleAnswer for GetPropertiesSpecificResponse {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext) {
        let columns = columns(rng);
        let body = Self { columns: Arc::clone(&columns), row: row(rng, &columns) };
        (return_value.is_success().then_some(body), ResponseContext::Columns(columns))
    }
}

impl SampleAnswer for ReadRecipientsResponse {
    fn sample_answer(rng: &mut SampleRng, return_value: ErrorCode) -> (Option<Self>, ResponseContext) {
        let columns = columns(rng);
        let recipient_rows =
            list(rng, |rng| ReadRecipientRow { row_id: rng.random(), recipient: open_recipient_row(rng, &columns) });
        let body = Self { recipient_columns: Arc::clone(&columns), recipient_rows };
        (return_value.is_success().then_some(body), ResponseContext::Columns(columns))
    }
}

impl Sample for ChangedTags {
    fn sample(rng: &mut SampleRng) -> Self {
        if rng.random() { Self::All } else { Self::Listed(Sample::sample(rng)) }
    }
}

/// With all fields that its flags ask for and no others.
impl Sample for NotifyResponse {
    fn sample(rng: &mut SampleRng) -> Self {
        let event = 1 << rng.random_range(1..11);
        let notification_flags = event | (rng.random::<u16>() & 0xF000);
        let data = match event {
            notification_flags::TABLE_MODIFIED => NotificationData::Table(TableNotification {
                event_type: rng.random_range(0..10),
                row: Some(Sample::sample(rng)),
                insert_after: Some(Sample::sample(rng)),
                row_data: Some(Sample::sample(rng)),
            }),
            notification_flags::EXTENDED => NotificationData::Extended,
            _ => NotificationData::Object(ObjectNotification {
                folder_id: Sample::sample(rng),
                message_id: Some(Sample::sample(rng)),
                parent_folder_id: Some(Sample::sample(rng)),
                old_folder_id: Some(Sample::sample(rng)),
                old_message_id: Some(Sample::sample(rng)),
                old_parent_folder_id: Some(Sample::sample(rng)),
                tags: Some(Sample::sample(rng)),
                total_message_count: Some(rng.random()),
                unread_message_count: Some(rng.random()),
                new_mail: Some(Sample::sample(rng)),
            }),
        };
        let full = Self { notification_handle: rng.random(), logon_id: rng.random(), notification_flags, data };
        let mut writer = Writer::new();
        full.put(&mut writer);
        let mut reader = Reader::new(writer.as_slice());
        let needed = Self::get(&mut reader).expect("what was just written");
        assert!(reader.is_empty(), "{needed:?}");
        needed
    }
}
