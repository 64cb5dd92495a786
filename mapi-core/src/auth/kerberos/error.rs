use std::fmt;

use super::crypto::CryptoError;
use super::kdc_error::KdcError;
use super::principal::Principal;

/// Why there is no ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KerberosError {
    /// The KDC knows the user, and doesn't let him in.
    Refused(Refusal),
    /// The KDC says no for another reason.
    Kdc(KdcError),
    /// This machine's clock and the KDC's differ too much: by how many seconds this one is ahead.
    Clock(i64),
    /// The KDC does not speak an encryption type that the gateway speaks, or the user has no key of one.
    NoCommonEncryption,
    /// The service is in another realm, to which the KDC refers.
    OtherRealm(Principal),
    /// No KDC can be reached; which were tried, and why not.
    Unreachable(String),
    /// What a KDC says can't be read or believed.
    Malformed(&'static str),
    /// A keytab or credential cache can't be used.
    Unusable(String),
}

/// Why a user is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The password, or the key of the keytab, is wrong.
    WrongSecret,
    /// The account is locked or disabled, or may not log in now.
    Revoked,
    /// The account has expired.
    AccountExpired,
    /// The password has expired and must be changed.
    PasswordExpired,
}

impl From<CryptoError> for KerberosError {
    fn from(error: CryptoError) -> Self {
        match error {
            CryptoError::Iterations(_) => Self::Malformed("a number of iterations beyond all measure"),
            CryptoError::KeyLength => Self::Malformed("a key of another length or type than asked for"),
            CryptoError::Short => Self::Malformed("something encrypted that is too short"),
            CryptoError::Integrity => Self::Malformed("something encrypted that does not fit its key"),
        }
    }
}

impl fmt::Display for KerberosError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "the KDC refuses the user: {refusal}"),
            Self::Kdc(error) => write!(f, "the KDC says: {error}"),
            Self::Clock(ahead) => {
                let (seconds, side) = (ahead.unsigned_abs(), if *ahead < 0 { "behind" } else { "ahead of" });
                write!(
                    f,
                    "the clock of this machine is {seconds} s {side} that of the KDC, and Kerberos allows 5 minutes: have \
                     both set by NTP"
                )
            }
            Self::NoCommonEncryption => write!(
                f,
                "the KDC has no AES key for this name: set a new password on accounts older than AES, or allow AES in the \
                 account's encryption types"
            ),
            Self::OtherRealm(service) => write!(f, "the KDC refers to {service}: other realms are not supported"),
            Self::Unreachable(why) => write!(f, "no KDC can be reached: {why}"),
            Self::Malformed(what) => write!(f, "the KDC's answer can't be used: {what}"),
            Self::Unusable(why) => write!(f, "{why}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongSecret => "wrong password or key",
            Self::Revoked => "the account is locked or disabled",
            Self::AccountExpired => "the account has expired",
            Self::PasswordExpired => "the password has expired and must be changed",
        })
    }
}

impl std::error::Error for KerberosError {}
