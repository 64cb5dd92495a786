//! Streams over property values ([MS-OXCROPS] 2.2.9, [MS-OXCPRPT] 3.2.5.14 to 3.2.5.24).

use mapi_core::ErrorCode;
use mapi_core::property::{PropertyType, PropertyValue};
use mapi_core::rop::*;

use super::Session;
use super::context::{Cx, RopResult};
use super::object::{Entry, Object, StreamObject};
use super::property::{set_values, with_properties};
use crate::store::{STORE_FULL, Store};

pub fn open(cx: &mut Cx<'_>, request: &OpenStreamRequest) -> RopResult {
    let owner = cx.handle(cx.index)?;
    let entry = cx.entry(cx.index)?;
    let mailbox = entry.mailbox;
    let tag = request.property_tag;
    let may_write = match &entry.object {
        Object::Message(object) => object.writable,
        Object::Attachment(object) => object.writable,
        Object::Folder(_) | Object::Logon => true,
        _ => return Err(ErrorCode::NOT_SUPPORTED),
    };
    let streamable = matches!(
        tag.kind(),
        PropertyType::BINARY | PropertyType::STRING | PropertyType::STRING8 | PropertyType::OBJECT
    );
    if !streamable {
        return Err(ErrorCode::NOT_SUPPORTED);
    }
    let create = request.open_mode_flags == OpenStreamRequest::CREATE;
    let writable = match request.open_mode_flags {
        0 => false,
        1 | 2 if !may_write => return Err(ErrorCode::ACCESS_DENIED),
        _ => may_write,
    };
    let key = cx.mailbox()?.names().key(tag).ok_or(ErrorCode::NOT_FOUND)?;
    let data = if create {
        Vec::new()
    } else {
        let value = with_properties(cx.session, cx.store, owner, |object, _| object.value(tag).map(|v| bytes_of(&v)))?;
        value.flatten().ok_or(ErrorCode::NOT_FOUND)?
    };
    let stream_size = u32::try_from(data.len()).map_err(|_| ErrorCode::TOO_BIG)?;
    let stream = StreamObject { owner, key, tag, data, position: 0, writable, dirty: create };
    cx.add(request.output_handle_index, mailbox, Object::Stream(stream))?;
    Ok(ResponseBody::StreamSize(StreamSizeResponse { stream_size }))
}

fn stream<'a>(cx: &'a mut Cx<'_>) -> Result<&'a mut StreamObject, ErrorCode> {
    let index = cx.index;
    match &mut cx.entry_mut(index)?.object {
        Object::Stream(stream) => Ok(stream),
        _ => Err(ErrorCode::NOT_SUPPORTED),
    }
}

fn writable<'a>(cx: &'a mut Cx<'_>) -> Result<&'a mut StreamObject, ErrorCode> {
    let stream = stream(cx)?;
    if stream.writable { Ok(stream) } else { Err(ErrorCode::STREAM_ACCESS_DENIED) }
}

pub fn read(cx: &mut Cx<'_>, request: &ReadStreamRequest) -> RopResult {
    let room = cx.room.saturating_sub(8).min(usize::from(u16::MAX));
    let wanted = match request {
        ReadStreamRequest::ByteCount(count) => usize::from(*count),
        ReadStreamRequest::MaximumByteCount(count) => usize::try_from(*count).unwrap_or(usize::MAX),
    };
    let stream = stream(cx)?;
    let rest = stream.data.get(stream.position..).unwrap_or_default();
    let data = rest.get(..wanted.min(room).min(rest.len())).unwrap_or_default().to_vec();
    stream.position += data.len();
    Ok(ResponseBody::ReadStream(ReadStreamResponse { data }))
}

pub fn write(cx: &mut Cx<'_>, request: &WriteStreamRequest) -> Result<usize, ErrorCode> {
    let limit = cx.store.manners().largest_stream;
    let mailbox = cx.mailbox()?;
    let room = if mailbox.manners().full_refuses_changes { mailbox.room_left() } else { None };
    let stream = writable(cx)?;
    let end = stream.position.saturating_add(request.data.len());
    if end > limit {
        return Err(ErrorCode::TOO_BIG);
    }
    if room.is_some_and(|room| end as u64 > room) {
        return Err(STORE_FULL);
    }
    if stream.data.len() < end {
        stream.data.resize(end, 0);
    }
    if let Some(place) = stream.data.get_mut(stream.position..end) {
        place.copy_from_slice(&request.data);
    }
    stream.position = end;
    stream.dirty = true;
    Ok(request.data.len())
}

pub fn set_size(cx: &mut Cx<'_>, request: &SetStreamSizeRequest) -> RopResult {
    let limit = cx.store.manners().largest_stream;
    let size = usize::try_from(request.stream_size).ok().filter(|size| *size <= limit);
    let size = size.ok_or(ErrorCode::STREAM_SIZE)?;
    let stream = writable(cx)?;
    stream.data.resize(size, 0);
    stream.dirty = true;
    Ok(ResponseBody::Empty)
}

pub fn seek(cx: &mut Cx<'_>, request: &SeekStreamRequest) -> RopResult {
    let limit = cx.store.manners().largest_stream;
    let stream = stream(cx)?;
    let signed = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let start = match request.origin {
        0 => 0,
        1 => signed(stream.position),
        2 => signed(stream.data.len()),
        _ => return Err(ErrorCode::STREAM_INVALID_PARAM),
    };
    let target = start.checked_add(request.offset).and_then(|at| usize::try_from(at).ok());
    let target = target.filter(|at| *at <= limit).ok_or(ErrorCode::STREAM_SEEK)?;
    stream.position = target;
    Ok(ResponseBody::SeekStream(SeekStreamResponse { new_position: target as u64 }))
}

pub fn get_size(cx: &mut Cx<'_>) -> RopResult {
    let stream_size = u32::try_from(stream(cx)?.data.len()).map_err(|_| ErrorCode::TOO_BIG)?;
    Ok(ResponseBody::StreamSize(StreamSizeResponse { stream_size }))
}

pub fn commit_rop(cx: &mut Cx<'_>) -> RopResult {
    stream(cx)?;
    let handle = cx.handle(cx.index)?;
    commit(cx.session, cx.store, handle)?;
    Ok(ResponseBody::Empty)
}

pub fn copy_to_stream(cx: &mut Cx<'_>, request: &CopyToStreamRequest) -> RopResult {
    cx.handle(request.dest_handle_index).map_err(|_| ErrorCode::DST_NULL_OBJECT)?;
    let source = stream(cx)?;
    let rest = source.data.get(source.position..).unwrap_or_default();
    let count = usize::try_from(request.byte_count).unwrap_or(usize::MAX).min(rest.len());
    let data = rest.get(..count).unwrap_or_default().to_vec();
    source.position += count;
    let index = std::mem::replace(&mut cx.index, request.dest_handle_index);
    let written = write(cx, &WriteStreamRequest { data });
    cx.index = index;
    let written_byte_count = written? as u64;
    let read_byte_count = count as u64;
    Ok(ResponseBody::CopyToStream(CopyToStreamResponse {
        dest_handle_index: None,
        read_byte_count,
        written_byte_count,
    }))
}

/// Writes what a stream was given into the property of its owner.
///
/// # Errors
/// `ecNullObject` if the owner is gone; what setting the property says.
pub fn commit(session: &mut Session, store: &mut Store, handle: u32) -> Result<(), ErrorCode> {
    let Some(Entry { object: Object::Stream(stream), .. }) = session.objects.get_mut(&handle) else {
        return Err(ErrorCode::NULL_OBJECT);
    };
    if !stream.dirty {
        return Ok(());
    }
    stream.dirty = false;
    let value = value_of(stream.tag.kind(), &stream.data);
    let (owner, key) = (stream.owner, stream.key.clone());
    let refused = set_values(session, store, owner, vec![(key, value)])?;
    match refused.first() {
        Some((_, code)) => Err(*code),
        None => Ok(()),
    }
}

/// The bytes of a value as a stream shows them: text without a terminating NUL.
fn bytes_of(value: &PropertyValue) -> Option<Vec<u8>> {
    match value {
        PropertyValue::String(text) => Some(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        value => value.as_bytes().map(<[u8]>::to_vec),
    }
}

fn value_of(kind: PropertyType, data: &[u8]) -> PropertyValue {
    match kind {
        PropertyType::STRING => {
            let units: Vec<u16> = data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            let end = units.iter().rposition(|unit| *unit != 0).map_or(0, |last| last + 1);
            PropertyValue::String(String::from_utf16_lossy(units.get(..end).unwrap_or_default()))
        }
        PropertyType::STRING8 => {
            let end = data.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            PropertyValue::String8(data.get(..end).unwrap_or_default().to_vec())
        }
        PropertyType::OBJECT => PropertyValue::Object(data.to_vec()),
        _ => PropertyValue::Binary(data.to_vec()),
    }
}
