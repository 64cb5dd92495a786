/// Most cookies kept; the oldest go first.
const MAX_COOKIES: usize = 32;
/// Most bytes of a cookie, name and value; longer ones are not stored.
const MAX_COOKIE: usize = 4096;

/// The cookies of one session context ([MS-OXCMAPIHTTP] 3.1.5.3). Names are opaque and differ between servers; the latest
/// value of a name counts.
#[derive(Clone, Default)]
pub struct CookieJar {
    cookies: Vec<Cookie>,
    changes: u64,
}

/// A moment in the life of a [`CookieJar`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CookieVersion(u64);

#[derive(Clone)]
struct Cookie {
    name: String,
    value: String,
    changed: u64,
}

impl CookieJar {
    /// An empty jar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.cookies.is_empty()
    }

    /// The value of the cookie `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.cookies.iter().find(|cookie| cookie.name == name).map(|cookie| cookie.value.as_str())
    }

    /// Value of the Cookie header, if there is anything to send.
    pub fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.cookies.iter().map(|c| format!("{}={}", c.name, c.value)).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Stores the value of a Set-Cookie header. One that deletes its cookie (`Max-Age=0`, or no value and an expiry date) does.
    pub fn store(&mut self, set_cookie: &str) {
        self.store_since(set_cookie, CookieVersion(u64::MAX));
    }

    /// The moment of now, for [`CookieJar::store_since`].
    pub fn version(&self) -> CookieVersion {
        CookieVersion(self.changes)
    }

    /// Like [`CookieJar::store`], but leaves cookies alone that changed after `version`: the answer to a request that was
    /// sent then must not bring back an older sequence cookie.
    pub fn store_since(&mut self, set_cookie: &str, version: CookieVersion) {
        let mut parts = set_cookie.split(';');
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { return };
        let (name, value) = (name.trim(), value.trim());
        if !is_token(name) || !value.bytes().all(is_value_byte) || name.len() + value.len() > MAX_COOKIE {
            return;
        }
        let known = self.cookies.iter().position(|cookie| cookie.name == name);
        if known.is_some_and(|at| self.cookies[at].changed > version.0) {
            return;
        }
        let deletes = parts.any(|attribute| deletes(attribute, value));
        match known {
            Some(at) if deletes => drop(self.cookies.remove(at)),
            Some(at) if self.cookies[at].value == value => {}
            Some(at) => {
                self.changes += 1;
                self.cookies[at].value = value.to_owned();
                self.cookies[at].changed = self.changes;
            }
            None if deletes => {}
            None => {
                self.changes += 1;
                if self.cookies.len() == MAX_COOKIES {
                    self.cookies.remove(0);
                }
                self.cookies.push(Cookie { name: name.to_owned(), value: value.to_owned(), changed: self.changes });
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.cookies.clear();
    }

    /// The jar of a Cookie header that a client sent.
    pub fn parse(header: &str) -> Self {
        let mut jar = Self::new();
        header.split(';').for_each(|pair| jar.store(pair));
        jar
    }
}

/// Names only: values are keys to the session.
impl std::fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.cookies.iter().map(|cookie| &cookie.name)).finish()
    }
}

fn deletes(attribute: &str, value: &str) -> bool {
    let (name, argument) = attribute.split_once('=').unwrap_or((attribute, ""));
    let name = name.trim();
    (name.eq_ignore_ascii_case("max-age") && argument.trim().parse::<i64>().is_ok_and(|age| age <= 0))
        || (name.eq_ignore_ascii_case("expires") && value.is_empty())
}

fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&b))
}

/// Wider than RFC 6265 4.1.1, as servers do put spaces and quotes into values; never what could end the header.
fn is_value_byte(b: u8) -> bool {
    (0x20..0x7F).contains(&b) && b != b';'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_value_counts_and_attributes_do_not() {
        let mut jar = CookieJar::new();
        assert_eq!(jar.header(), None);
        jar.store("sid=abc; Path=/; HttpOnly");
        jar.store("sequence=1");
        jar.store("sequence=2; Secure");
        assert_eq!(jar.header().as_deref(), Some("sid=abc; sequence=2"));
        jar.store("sid=; expires=Thu, 01-Jan-1970 00:00:00 GMT");
        assert_eq!(jar.header().as_deref(), Some("sequence=2"));
        jar.store("sequence=9; Max-Age=0");
        assert!(jar.is_empty());
    }

    #[test]
    fn an_older_answer_does_not_bring_back_an_older_sequence() {
        let mut jar = CookieJar::parse("sid=a; sequence=1");
        let asked = jar.version();
        jar.store("sequence=2");
        jar.store_since("sequence=1", asked);
        jar.store_since("sid=b", asked);
        assert_eq!(jar.header().as_deref(), Some("sid=b; sequence=2"));
    }

    #[test]
    fn nothing_that_could_end_the_header_is_stored() {
        let mut jar = CookieJar::new();
        jar.store("a=b\r\nX: y");
        jar.store("a b=c");
        jar.store("no pair");
        jar.store(&format!("a={}", "x".repeat(MAX_COOKIE)));
        assert!(jar.is_empty());
        (0..100).for_each(|n| jar.store(&format!("c{n}=1")));
        assert_eq!(jar.cookies.len(), MAX_COOKIES);
        assert_eq!(jar.get("c99"), Some("1"));
        assert_eq!(format!("{:?}", CookieJar::parse("sid=secret")), "[\"sid\"]");
    }
}
