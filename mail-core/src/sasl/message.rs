//! What the clients' messages mean, decoded.

use secrecy::SecretString;

use super::SaslError;
use crate::{Credentials, Secret};

/// `message = [authzid] UTF8NUL authcid UTF8NUL passwd`, RFC 4616 2.
pub(super) fn plain(text: &str) -> Result<Credentials, SaslError> {
    let mut parts = text.split('\0');
    let (Some(act_as), Some(user), Some(password), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SaslError::Malformed);
    };
    if !act_as.is_empty() && act_as != user {
        return Err(SaslError::OtherIdentity);
    }
    credentials(user, password, Secret::Password)
}

/// `"user=" user ^A "auth=Bearer " token ^A ^A`, as Google and Microsoft describe it.
pub(super) fn xoauth2(text: &str) -> Result<Credentials, SaslError> {
    let (user, pairs) = fields(text)?;
    bearer(user.strip_prefix("user=").ok_or(SaslError::Malformed)?, pairs)
}

/// `gs2-header kvsep *kvpair kvsep`, RFC 7628 3.1. Whose mailbox is meant only the name in the header tells.
pub(super) fn oauth_bearer(text: &str) -> Result<Credentials, SaslError> {
    let (header, pairs) = fields(text)?;
    // "y" says that the client could bind to the channel and sees that the server offers no mechanism that does, which is
    // right; "p" demands it (RFC 5801 5).
    let name = header.strip_prefix("n,").or(header.strip_prefix("y,")).and_then(|rest| rest.strip_suffix(','));
    let name = name.ok_or(SaslError::Malformed)?;
    let user = match name.strip_prefix("a=") {
        Some(name) => sasl_name(name)?,
        None if name.is_empty() => String::new(),
        None => return Err(SaslError::Malformed),
    };
    bearer(&user, pairs)
}

/// What a name and a proof make. Neither may be empty.
pub(super) fn credentials(
    user: &str,
    secret: &str,
    kind: fn(SecretString) -> Secret,
) -> Result<Credentials, SaslError> {
    if user.is_empty() || secret.is_empty() {
        return Err(SaslError::Refused);
    }
    Ok(Credentials { user: user.to_owned(), secret: kind(SecretString::from(secret)) })
}

/// What comes before the first `^A`, and the pairs behind it.
fn fields(text: &str) -> Result<(&str, &str), SaslError> {
    text.strip_suffix("\x01\x01").and_then(|fields| fields.split_once('\x01')).ok_or(SaslError::Malformed)
}

/// `saslname`, RFC 5801 4.
fn sasl_name(name: &str) -> Result<String, SaslError> {
    let mut pieces = name.split('=');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (meant, rest) = match piece.split_at_checked(2) {
            Some(("2C", rest)) => (',', rest),
            Some(("3D", rest)) => ('=', rest),
            _ => return Err(SaslError::Malformed),
        };
        out.push(meant);
        out.push_str(rest);
    }
    if name.contains(',') { Err(SaslError::Malformed) } else { Ok(out) }
}

/// The token in these pairs (RFC 6750 2.1). An empty one is refused as a wrong one is.
fn bearer(user: &str, pairs: &str) -> Result<Credentials, SaslError> {
    let auth = pairs.split('\x01').find_map(|pair| pair.strip_prefix("auth=")).ok_or(SaslError::Malformed)?;
    let (scheme, token) = auth.split_once(' ').ok_or(SaslError::Malformed)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(SaslError::Malformed);
    }
    credentials(user, token.trim(), Secret::Bearer)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    type Read = Result<(String, bool, String), SaslError>;

    fn read(parse: fn(&str) -> Result<Credentials, SaslError>, text: &str) -> Read {
        let Credentials { user, secret } = parse(text)?;
        let bearer = matches!(secret, Secret::Bearer(_));
        let (Secret::Password(secret) | Secret::Bearer(secret)) = secret;
        Ok((user, bearer, secret.expose_secret().to_owned()))
    }

    fn token(user: &str) -> Read {
        Ok((user.to_owned(), true, "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==".to_owned()))
    }

    const TOKEN: &str = "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01";

    #[test]
    fn the_examples_of_the_specifications() {
        // RFC 7628 4.1
        let message = format!("n,a=user@example.com,\x01host=server.example.com\x01port=143\x01{TOKEN}\x01");
        assert_eq!(read(oauth_bearer, &message), token("user@example.com"));
        // Microsoft's example of XOAUTH2
        let message = format!("user=test@contoso.onmicrosoft.com\x01{TOKEN}\x01");
        assert_eq!(read(xoauth2, &message), token("test@contoso.onmicrosoft.com"));
        // RFC 4616 4
        let tim = ("tim".to_owned(), false, "tanstaaftanstaaf".to_owned());
        assert_eq!(read(plain, "\0tim\0tanstaaftanstaaf"), Ok(tim));
        assert_eq!(read(plain, "Ursel\0Kurt\0xipj3plmq"), Err(SaslError::OtherIdentity));
    }

    #[test]
    fn passwords() {
        let alice = Ok(("alice".to_owned(), false, "pä ss".to_owned()));
        assert_eq!(read(plain, "\0alice\0pä ss"), alice);
        assert_eq!(read(plain, "alice\0alice\0pä ss"), alice);
        assert_eq!(read(plain, "bob\0alice\0x"), Err(SaslError::OtherIdentity));
        for text in ["\0alice\0", "\0\0x", "\0\0"] {
            assert_eq!(read(plain, text), Err(SaslError::Refused), "{text:?}");
        }
        for text in ["", "alice", "\0alice", "\0a\0b\0c"] {
            assert_eq!(read(plain, text), Err(SaslError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn names_with_commas() {
        let message = |name: &str| format!("n,{name},\x01{TOKEN}\x01");
        assert_eq!(read(oauth_bearer, &message("a=a=2Cb=3Dc@d")), token("a,b=c@d"));
        assert_eq!(read(oauth_bearer, &message("a=a=3D2Cb")), token("a=2Cb"));
        assert_eq!(read(oauth_bearer, &message("")), Err(SaslError::Refused));
        for name in ["a=a,b", "a=a=", "a=a=2", "a=a=41", "b=a", "a=ä=ä"] {
            assert_eq!(read(oauth_bearer, &message(name)), Err(SaslError::Malformed), "{name}");
        }
        assert_eq!(read(xoauth2, &format!("user=a,b=c@d\x01{TOKEN}\x01")), token("a,b=c@d"));
    }

    #[test]
    fn what_clients_may_write_otherwise() {
        let alice = Ok(("a".to_owned(), true, "t".to_owned()));
        assert_eq!(read(oauth_bearer, "y,a=a,\x01auth=bearer  t \x01host=h\x01\x01"), alice);
        assert_eq!(read(xoauth2, "user=a\x01host=h\x01auth=BEARER t\x01\x01"), alice);
    }

    #[test]
    fn what_is_no_message_of_a_token() {
        for text in
            ["", "user=a\x01auth=Bearer t\x01", "user=a\x01auth=Basic t\x01\x01", "n,a=a,\x01auth=Bearer t\x01\x01"]
        {
            assert_eq!(read(xoauth2, text), Err(SaslError::Malformed), "{text:?}");
        }
        let demanding = "p=tls-unique,a=a,\x01auth=Bearer t\x01\x01";
        for text in ["", "\x01", "n,a=a,\x01\x01", demanding, "user=a\x01auth=Bearer t\x01\x01"] {
            assert_eq!(read(oauth_bearer, text), Err(SaslError::Malformed), "{text:?}");
        }
        for text in ["user=\x01auth=Bearer t\x01\x01", "user=a\x01auth=Bearer \x01\x01"] {
            assert_eq!(read(xoauth2, text), Err(SaslError::Refused), "{text:?}");
        }
    }
}
