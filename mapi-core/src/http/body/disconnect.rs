use super::{Reply, get_auxiliary, get_status, put_auxiliary};
use crate::ErrorCode;
use crate::wire::{Reader, WireResult, Writer};

/// Body of a Disconnect request ([MS-OXCMAPIHTTP] 2.2.4.3.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DisconnectRequest {
    /// Auxiliary buffer with its extended header, or empty.
    pub auxiliary: Vec<u8>,
}

/// Body of a Disconnect response ([MS-OXCMAPIHTTP] 2.2.4.3.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DisconnectResponse {
    /// How it went. The cookies are void either way.
    pub error: ErrorCode,
    /// Auxiliary buffer with its extended header, or empty.
    pub auxiliary: Vec<u8>,
}

impl DisconnectRequest {
    /// Reads the whole body.
    pub fn decode(body: &[u8]) -> WireResult<Self> {
        let mut reader = Reader::new(body);
        let request = Self { auxiliary: get_auxiliary(&mut reader)? };
        reader.finish("Disconnect request")?;
        Ok(request)
    }

    /// Writes the body.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        put_auxiliary(&mut writer, &self.auxiliary);
        writer.into_vec()
    }
}

impl DisconnectResponse {
    /// Reads the whole body.
    pub fn decode(body: &[u8]) -> WireResult<Reply<Self>> {
        let mut reader = Reader::new(body);
        if let Err(failure) = get_status(&mut reader)? {
            return Ok(Err(failure));
        }
        let response = Self { error: ErrorCode(reader.u32("ErrorCode")?), auxiliary: get_auxiliary(&mut reader)? };
        reader.finish("Disconnect response")?;
        Ok(Ok(response))
    }

    /// Writes the body, StatusCode 0 first.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(0).u32(self.error.0);
        put_auxiliary(&mut writer, &self.auxiliary);
        writer.into_vec()
    }
}
