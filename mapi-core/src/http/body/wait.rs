use super::{Reply, get_auxiliary, get_status, put_auxiliary};
use crate::ErrorCode;
use crate::wire::{Reader, WireResult, Writer};

/// Body of a NotificationWait request ([MS-OXCMAPIHTTP] 2.2.4.4.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaitRequest {
    /// Reserved, 0.
    pub flags: u32,
    /// Auxiliary buffer with its extended header, or empty.
    pub auxiliary: Vec<u8>,
}

/// Body of a NotificationWait response ([MS-OXCMAPIHTTP] 2.2.4.4.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WaitResponse {
    /// Look at it before waiting again: [`ErrorCode::WAIT_REJECTED`] comes at once, again and again.
    pub error: ErrorCode,
    /// Notifications are queued; the next Execute collects them.
    pub event_pending: bool,
    /// Auxiliary buffer with its extended header, or empty.
    pub auxiliary: Vec<u8>,
}

impl WaitRequest {
    /// Reads the whole body.
    pub fn decode(body: &[u8]) -> WireResult<Self> {
        let mut reader = Reader::new(body);
        let request = Self { flags: reader.u32("Flags")?, auxiliary: get_auxiliary(&mut reader)? };
        reader.finish("NotificationWait request")?;
        Ok(request)
    }

    /// Writes the body.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(self.flags);
        put_auxiliary(&mut writer, &self.auxiliary);
        writer.into_vec()
    }
}

impl WaitResponse {
    /// Reads the whole body.
    pub fn decode(body: &[u8]) -> WireResult<Reply<Self>> {
        let mut reader = Reader::new(body);
        if let Err(failure) = get_status(&mut reader)? {
            return Ok(Err(failure));
        }
        let response = Self {
            error: ErrorCode(reader.u32("ErrorCode")?),
            event_pending: reader.u32("EventPending")? & 1 != 0,
            auxiliary: get_auxiliary(&mut reader)?,
        };
        reader.finish("NotificationWait response")?;
        Ok(Ok(response))
    }

    /// Writes the body, StatusCode 0 first.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(0).u32(self.error.0).u32(u32::from(self.event_pending));
        put_auxiliary(&mut writer, &self.auxiliary);
        writer.into_vec()
    }
}
