use super::{Reply, get_auxiliary, get_status, put_auxiliary};
use crate::ErrorCode;
use crate::wire::{Reader, WireResult, Writer};

/// Flags of an Execute request ([MS-OXCMAPIHTTP] 2.2.4.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExecuteFlags(pub u32);

impl ExecuteFlags {
    /// The answer must not be compressed.
    pub const NO_COMPRESSION: u32 = 1;
    /// The answer must not be XORed.
    pub const NO_XOR_MAGIC: u32 = 2;
    /// The answer may hold several payloads ([MS-OXCRPC] 3.1.4.2.1.2).
    pub const CHAIN: u32 = 4;

    /// Whether all bits of `flag` are set.
    pub fn has(self, flag: u32) -> bool {
        self.0 & flag == flag
    }
}

/// Body of an Execute request ([MS-OXCMAPIHTTP] 2.2.4.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecuteRequest {
    /// How the answer may be packed.
    pub flags: ExecuteFlags,
    /// Payloads with their extended headers; see [`crate::http::pack`].
    pub rop_buffer: Vec<u8>,
    /// Most bytes of the answer's `rop_buffer`.
    pub max_rop_out: u32,
    /// Auxiliary buffer with its extended header, or empty.
    pub auxiliary: Vec<u8>,
}

/// Body of an Execute response ([MS-OXCMAPIHTTP] 2.2.4.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExecuteResponse {
    /// If this is not [`ErrorCode::NONE`], `rop_buffer` is empty.
    pub error: ErrorCode,
    /// Reserved.
    pub flags: u32,
    /// Payloads with their extended headers; see [`crate::http::unpack`].
    pub rop_buffer: Vec<u8>,
    /// Auxiliary buffer with its extended header, or empty.
    pub auxiliary: Vec<u8>,
}

impl ExecuteRequest {
    /// Reads the whole body.
    pub fn decode(body: &[u8]) -> WireResult<Self> {
        let mut reader = Reader::new(body);
        let request = Self {
            flags: ExecuteFlags(reader.u32("Flags")?),
            rop_buffer: get_rop_buffer(&mut reader)?,
            max_rop_out: reader.u32("MaxRopOut")?,
            auxiliary: get_auxiliary(&mut reader)?,
        };
        reader.finish("Execute request")?;
        Ok(request)
    }

    /// Writes the body.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(self.flags.0).len32(self.rop_buffer.len()).bytes(&self.rop_buffer).u32(self.max_rop_out);
        put_auxiliary(&mut writer, &self.auxiliary);
        writer.into_vec()
    }
}

impl ExecuteResponse {
    /// Reads the whole body.
    pub fn decode(body: &[u8]) -> WireResult<Reply<Self>> {
        let mut reader = Reader::new(body);
        if let Err(failure) = get_status(&mut reader)? {
            return Ok(Err(failure));
        }
        let response = Self {
            error: ErrorCode(reader.u32("ErrorCode")?),
            flags: reader.u32("Flags")?,
            rop_buffer: get_rop_buffer(&mut reader)?,
            auxiliary: get_auxiliary(&mut reader)?,
        };
        reader.finish("Execute response")?;
        Ok(Ok(response))
    }

    /// Writes the body, StatusCode 0 first.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(0).u32(self.error.0).u32(self.flags).len32(self.rop_buffer.len()).bytes(&self.rop_buffer);
        put_auxiliary(&mut writer, &self.auxiliary);
        writer.into_vec()
    }
}

fn get_rop_buffer(reader: &mut Reader<'_>) -> WireResult<Vec<u8>> {
    let size = reader.u32("RopBufferSize")? as usize;
    Ok(reader.bytes(size, "RopBuffer")?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Packing, pack};

    #[test]
    fn an_empty_poll_in_known_bytes() {
        let rop_buffer = pack(&[[2, 0]], Packing::default()).expect("small");
        let request =
            ExecuteRequest { flags: ExecuteFlags(3), rop_buffer, max_rop_out: 0x0004_0000, auxiliary: Vec::new() };
        let bytes =
            b"\x03\x00\x00\x00\x0a\x00\x00\x00\x00\x00\x04\x00\x02\x00\x02\x00\x02\x00\x00\x00\x04\x00\x00\x00\x00\x00";
        assert_eq!(request.encode(), bytes);
        assert_eq!(ExecuteRequest::decode(bytes), Ok(request));
    }

    #[test]
    fn a_refused_execute() {
        let body = b"\x00\x00\x00\x00\xb6\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";
        let response = ExecuteResponse::decode(body).expect("a recorded answer").expect("no failure");
        assert_eq!(response.error, ErrorCode::RPC_FORMAT);
        assert!(response.rop_buffer.is_empty());
    }
}
