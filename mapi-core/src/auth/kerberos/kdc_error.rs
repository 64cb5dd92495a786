use std::fmt;

use super::asn1::{application, field, integer, sequence, string, take_integer, take_octets};
use super::principal::Principal;
use super::time;
use crate::auth::der::{Der, SEQUENCE, context, element};

/// Characters that are kept of a text for people.
const MAX_TEXT: usize = 200;
const KRB_ERROR: u8 = application(30);

/// Error codes that are told apart (RFC 4120 7.5.9).
pub mod error_code {
    /// KDC_ERR_NAME_EXP: the account has expired.
    pub const NAME_EXPIRED: i64 = 1;
    /// KDC_ERR_C_PRINCIPAL_UNKNOWN: there is no such user.
    pub const CLIENT_UNKNOWN: i64 = 6;
    /// KDC_ERR_S_PRINCIPAL_UNKNOWN: there is no such service.
    pub const SERVICE_UNKNOWN: i64 = 7;
    /// KDC_ERR_ETYPE_NOSUPP: no common encryption type.
    pub const NO_COMMON_ENCRYPTION: i64 = 14;
    /// KDC_ERR_CLIENT_REVOKED: locked or disabled.
    pub const CLIENT_REVOKED: i64 = 18;
    /// KDC_ERR_KEY_EXPIRED: the password has expired.
    pub const KEY_EXPIRED: i64 = 23;
    /// KDC_ERR_PREAUTH_FAILED: the password is wrong.
    pub const PREAUTHENTICATION_FAILED: i64 = 24;
    /// KDC_ERR_PREAUTH_REQUIRED: show that you know the password.
    pub const PREAUTHENTICATION_REQUIRED: i64 = 25;
    /// KRB_AP_ERR_SKEW: the clocks differ too much.
    pub const CLOCK_SKEW: i64 = 37;
    /// KDC_ERR_WRONG_REALM: another KDC knows this user.
    pub const WRONG_REALM: i64 = 68;
}

/// KRB-ERROR (RFC 4120 5.9.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdcError {
    /// The code.
    pub code: i64,
    /// The time of whoever says it, in seconds since 1970.
    pub time: u64,
    /// For people; shortened, without control characters.
    pub text: Option<String>,
    /// What belongs to the code.
    pub data: Option<Vec<u8>>,
}

impl KdcError {
    /// `None` if it is none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Der::new(Der::new(Der::new(bytes).take(KRB_ERROR)?).take(SEQUENCE)?);
        fields.take(context(0))?;
        fields.take(context(1))?;
        // The client's time, which it knows itself.
        fields.take(context(2));
        fields.take(context(3));
        let time = time::take(&mut fields, 4)?;
        fields.take(context(5))?;
        let code = take_integer(&mut fields, 6)?;
        for number in 7..=10 {
            fields.take(context(number));
        }
        let text = fields
            .take_explicit(context(11), super::asn1::GENERAL_STRING)
            .map(|text| String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect());
        let data = take_octets(&mut fields, 12).map(<[u8]>::to_vec);
        Some(Self { code, time, text, data })
    }

    /// Writes it, as said by `service`.
    pub fn encode(&self, service: &Principal) -> Vec<u8> {
        let mut fields = vec![
            field(0, &integer(5)),
            field(1, &integer(30)),
            field(4, &time::encode(self.time)),
            field(5, &integer(0)),
            field(6, &integer(self.code)),
            field(9, &string(&service.realm)),
            field(10, &service.encode_name()),
        ];
        fields.extend(self.text.as_ref().map(|text| field(11, &string(text))));
        fields.extend(self.data.as_ref().map(|data| field(12, &super::asn1::octets(data))));
        element(KRB_ERROR, &sequence(&fields))
    }
}

impl fmt::Display for KdcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meaning = match self.code {
            error_code::NAME_EXPIRED => "the account has expired",
            error_code::CLIENT_UNKNOWN => "no such user in this realm",
            error_code::SERVICE_UNKNOWN => {
                "no such service: register it (setspn -S HTTP/<host> <account that Exchange runs as>)"
            }
            error_code::NO_COMMON_ENCRYPTION => "no common encryption type",
            error_code::CLIENT_REVOKED => "the account is locked or disabled",
            error_code::KEY_EXPIRED => "the password has expired",
            error_code::PREAUTHENTICATION_FAILED => "wrong password",
            error_code::PREAUTHENTICATION_REQUIRED => "pre-authentication is needed",
            error_code::CLOCK_SKEW => "the clocks differ too much",
            error_code::WRONG_REALM => "the user is in another realm",
            _ => "see RFC 4120 7.5.9",
        };
        write!(f, "error {}, {meaning}", self.code)?;
        self.text.as_ref().map_or(Ok(()), |text| write!(f, " ({text})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let service = Principal::ticket_granting("EXAMPLE.TEST");
        for (text, data) in [(None, None), (Some("NEEDED_PREAUTH".to_owned()), Some(vec![0x30, 0]))] {
            let error = KdcError { code: 25, time: 1_700_000_000, text, data };
            assert_eq!(KdcError::decode(&error.encode(&service)), Some(error));
        }
        assert_eq!(KdcError::decode(b""), None);
    }
}
