use super::{Reply, get_auxiliary, get_status, put_auxiliary};
use crate::ErrorCode;
use crate::wire::{Reader, WireResult, Writer};

/// Body of a Connect request ([MS-OXCMAPIHTTP] 2.2.4.1.1): opens a session context with the mailbox store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectRequest {
    /// legacyExchangeDN of the user.
    pub user_dn: String,
    /// 0, or 1 to ask for administrator rights.
    pub flags: u32,
    /// Code page of PtypString8 values.
    pub code_page: u32,
    /// Locale that tables are sorted for.
    pub lcid_sort: u32,
    /// Locale of everything else. Gromox reads the two in the other order: give equal ones.
    pub lcid_string: u32,
    /// Auxiliary buffer with its extended header, or empty.
    pub auxiliary: Vec<u8>,
}

/// Body of a Connect response ([MS-OXCMAPIHTTP] 2.2.4.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConnectResponse {
    /// Anything but [`ErrorCode::NONE`] means that there is no session context.
    pub error: ErrorCode,
    /// Milliseconds between polls of a client that polls.
    pub polls_max: u32,
    /// How often to retry.
    pub retry_count: u32,
    /// Milliseconds between retries.
    pub retry_delay: u32,
    /// What RecipientRow's AddressPrefixUsed refers to.
    pub dn_prefix: String,
    /// Name of the user.
    pub display_name: String,
    /// Auxiliary buffer with its extended header, or empty.
    pub auxiliary: Vec<u8>,
}

impl ConnectRequest {
    /// A request for `user_dn` with code page 1252 and US English.
    pub fn new(user_dn: impl Into<String>) -> Self {
        let (user_dn, auxiliary) = (user_dn.into(), Vec::new());
        Self { user_dn, flags: 0, code_page: 1252, lcid_sort: 0x0409, lcid_string: 0x0409, auxiliary }
    }

    /// Reads the whole body.
    pub fn decode(body: &[u8]) -> WireResult<Self> {
        let mut reader = Reader::new(body);
        let request = Self {
            user_dn: reader.z8_text("UserDn")?,
            flags: reader.u32("Flags")?,
            code_page: reader.u32("DefaultCodePage")?,
            lcid_sort: reader.u32("LcidSort")?,
            lcid_string: reader.u32("LcidString")?,
            auxiliary: get_auxiliary(&mut reader)?,
        };
        reader.finish("Connect request")?;
        Ok(request)
    }

    /// Writes the body.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        put_text8(&mut writer, &self.user_dn);
        writer.u32(self.flags).u32(self.code_page).u32(self.lcid_sort).u32(self.lcid_string);
        put_auxiliary(&mut writer, &self.auxiliary);
        writer.into_vec()
    }
}

impl ConnectResponse {
    /// Reads the whole body.
    pub fn decode(body: &[u8]) -> WireResult<Reply<Self>> {
        let mut reader = Reader::new(body);
        if let Err(failure) = get_status(&mut reader)? {
            return Ok(Err(failure));
        }
        let response = Self {
            error: ErrorCode(reader.u32("ErrorCode")?),
            polls_max: reader.u32("PollsMax")?,
            retry_count: reader.u32("RetryCount")?,
            retry_delay: reader.u32("RetryDelay")?,
            dn_prefix: reader.z8_text("DnPrefix")?,
            display_name: reader.z16("DisplayName")?,
            auxiliary: get_auxiliary(&mut reader)?,
        };
        reader.finish("Connect response")?;
        Ok(Ok(response))
    }

    /// Writes the body, StatusCode 0 first.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.u32(0).u32(self.error.0).u32(self.polls_max).u32(self.retry_count).u32(self.retry_delay);
        put_text8(&mut writer, &self.dn_prefix);
        writer.z16(&self.display_name);
        put_auxiliary(&mut writer, &self.auxiliary);
        writer.into_vec()
    }
}

/// 8-bit text; what is beyond Latin-1 (no DN is) becomes a question mark.
fn put_text8(writer: &mut Writer, text: &str) {
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect();
    writer.z8(&bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes() {
        let bytes = b"/o=X/cn=u\0\x00\x00\x00\x00\xe4\x04\x00\x00\x09\x04\x00\x00\x09\x04\x00\x00\x00\x00\x00\x00";
        let request = ConnectRequest::new("/o=X/cn=u");
        assert_eq!(request.encode(), bytes);
        assert_eq!(ConnectRequest::decode(bytes), Ok(request));
    }

    #[test]
    fn a_recorded_answer() {
        let bytes = b"\x00\x00\x00\x00\x00\x00\x00\x00`\xea\x00\x00\x06\x00\x00\x00\x10'\x00\x00\x00D\x00a\x00v\x00e\x00\x00\x00\
            \x00\x00\x00\x00";
        let response = ConnectResponse::decode(bytes).expect("a recorded answer").expect("no failure");
        assert_eq!((response.polls_max, response.retry_count, response.retry_delay), (60_000, 6, 10_000));
        assert_eq!((response.dn_prefix.as_str(), response.display_name.as_str()), ("", "Dave"));
        assert_eq!(response.encode(), bytes);
    }
}
