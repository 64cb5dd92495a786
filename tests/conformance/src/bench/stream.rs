use mapi_core::ErrorCode;
use mapi_core::fasttransfer::{FetchedMessage, MessageLimits, MessageList};
use mapi_core::id::MessageId;
use mapi_core::property::PropertyTag;
use mapi_core::rop::{
    FastTransferSourceCopyMessagesRequest, FastTransferSourceGetBufferRequest, FastTransferSourceGetBufferResponse,
    OpenStreamRequest, ReadStreamRequest, RequestBody, ResponseBody, WriteStreamRequest, send_options,
};

use super::super::Trouble;
use super::session::{OUT, PATIENCE};
use super::{Answer, Bench};

/// Bytes of one RopWriteStream.
const CHUNK: usize = 16 * 1024;
/// Larger streams than any scenario makes.
const STREAM_LIMIT: usize = 64 << 20;
/// The most that fits one payload.
const BUFFER: u16 = 0x7BC0;

impl Bench {
    /// RopOpenStream.
    pub(crate) async fn open_stream(
        &mut self,
        object: u32,
        property_tag: PropertyTag,
        open_mode_flags: u8,
    ) -> Result<Answer, Trouble> {
        let request = OpenStreamRequest { output_handle_index: OUT, property_tag, open_mode_flags };
        self.call(object, RequestBody::OpenStream(request)).await
    }

    /// Writes a property through a stream.
    pub(crate) async fn write_stream(&mut self, object: u32, tag: PropertyTag, bytes: &[u8]) -> Result<(), Trouble> {
        let stream = self.open_stream(object, tag, OpenStreamRequest::CREATE).await?.ok()?.handle;
        for chunk in bytes.chunks(CHUNK) {
            let request = WriteStreamRequest { data: chunk.to_vec() };
            self.call(stream, RequestBody::WriteStream(request)).await?.ok()?;
        }
        self.call(stream, RequestBody::CommitStream).await?.ok()?;
        self.release(stream).await
    }

    /// Reads a property through a stream.
    pub(crate) async fn read_stream(&mut self, object: u32, tag: PropertyTag) -> Result<Vec<u8>, Trouble> {
        let stream = self.open_stream(object, tag, OpenStreamRequest::READ_ONLY).await?.ok()?.handle;
        let mut bytes = Vec::new();
        while bytes.len() < STREAM_LIMIT {
            let request = RequestBody::ReadStream(ReadStreamRequest::MaximumByteCount(0x7000));
            let answer = self.call(stream, request).await?.ok()?;
            match &answer.body {
                ResponseBody::ReadStream(read) if read.data.is_empty() => break,
                ResponseBody::ReadStream(read) => bytes.extend_from_slice(&read.data),
                _ => return answer.odd(),
            }
        }
        self.release(stream).await?;
        Ok(bytes)
    }

    /// RopFastTransferSourceGetBuffer, asked again while the server is busy.
    pub(crate) async fn get_buffer(
        &mut self,
        source: u32,
        request: FastTransferSourceGetBufferRequest,
    ) -> Result<Answer, Trouble> {
        for _ in 0..PATIENCE {
            let answer = self.call(source, RequestBody::FastTransferSourceGetBuffer(request)).await?;
            match &answer.body {
                ResponseBody::FastTransferSourceGetBuffer(part) if answer.code == ErrorCode::SERVER_BUSY => {
                    self.pause(part.backoff_time.unwrap_or_default()).await;
                }
                _ => return Ok(answer),
            }
        }
        Err(Trouble::Other("the server stays busy".into()))
    }

    /// The whole stream of a FastTransfer source. The source is released.
    pub(crate) async fn download(&mut self, source: u32) -> Result<Vec<u8>, Trouble> {
        let mut bytes = Vec::new();
        while bytes.len() < STREAM_LIMIT {
            let request = FastTransferSourceGetBufferRequest::MaximumBufferSize(BUFFER);
            let answer = self.get_buffer(source, request).await?.ok()?;
            let ResponseBody::FastTransferSourceGetBuffer(part) = &answer.body else { return answer.odd() };
            bytes.extend_from_slice(&part.transfer_buffer);
            if part.transfer_status == FastTransferSourceGetBufferResponse::DONE {
                break;
            }
        }
        self.release(source).await?;
        Ok(bytes)
    }

    /// RopFastTransferSourceCopyMessages and the messages of its stream, in the stream's order.
    pub(crate) async fn copy_messages(
        &mut self,
        folder: u32,
        messages: &[MessageId],
    ) -> Result<Vec<FetchedMessage>, Trouble> {
        let request = FastTransferSourceCopyMessagesRequest {
            output_handle_index: OUT,
            message_ids: messages.to_vec(),
            copy_flags: 0x10,
            send_options: send_options::UNICODE | send_options::FORCE_UNICODE,
        };
        let source = self.call(folder, RequestBody::FastTransferSourceCopyMessages(request)).await?.ok()?.handle;
        let bytes = self.download(source).await?;
        let mut list = MessageList::new(MessageLimits::default());
        list.push(&bytes)?;
        let mut out = Vec::new();
        while let Some(message) = list.next_message()? {
            out.push(message);
        }
        list.finish()?;
        Ok(out)
    }
}
