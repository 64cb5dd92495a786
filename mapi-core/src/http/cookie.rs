/// Most cookies kept; the oldest go first.
const MAX_COOKIES: usize = 32;
/// Most bytes of a cookie, name and value; longer ones are not stored.
const MAX_COOKIE: usize = 4096;

/// The cookies of one session context ([MS-OXCMAPIHTTP] 3.1.5.3). Names are opaque and differ between servers; the latest
/// value of a name counts. Cookies that were deleted are remembered as such, so that no answer to an older request brings
/// them back.
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
    /// `None` if the server deleted it.
    value: Option<String>,
    changed: u64,
}

impl CookieJar {
    /// An empty jar.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.live().next().is_none()
    }

    /// The value of the cookie `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.live().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Value of the Cookie header, if there is anything to send.
    pub fn header(&self) -> Option<String> {
        let pairs: Vec<_> = self.live().map(|(name, value)| format!("{name}={value}")).collect();
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
        let Some(given) = Given::parse(set_cookie) else { return };
        match self.cookies.iter_mut().find(|cookie| cookie.name == given.name) {
            Some(known) if known.changed > version.0 || known.value.as_deref() == given.value => {}
            Some(known) => {
                self.changes += 1;
                known.value = given.value.map(str::to_owned);
                known.changed = self.changes;
            }
            None if given.value.is_none() => {}
            None => {
                if self.cookies.len() == MAX_COOKIES {
                    // What was deleted is remembered last.
                    let deleted = self.cookies.iter().position(|cookie| cookie.value.is_none());
                    self.cookies.remove(deleted.unwrap_or(0));
                }
                self.changes += 1;
                self.add(&given, self.changes);
            }
        }
    }

    /// Stores the value of a Set-Cookie header only if its cookie was never known: nothing is replaced, deleted or pushed
    /// out. For answers to requests that go beside others. They carry all cookies of the context ([MS-OXCMAPIHTTP] 3.2.5.5)
    /// with values of their own time, and must never displace what the answer to the request in flight brings.
    pub fn store_unknown(&mut self, set_cookie: &str) {
        let Some(given) = Given::parse(set_cookie) else { return };
        let known = self.cookies.iter().any(|cookie| cookie.name == given.name);
        if !known && given.value.is_some() && self.cookies.len() < MAX_COOKIES {
            // Older than every request, so that any answer to one that excludes others goes before it.
            self.add(&given, 0);
        }
    }

    fn add(&mut self, given: &Given<'_>, changed: u64) {
        let (name, value) = (given.name.to_owned(), given.value.map(str::to_owned));
        self.cookies.push(Cookie { name, value, changed });
    }

    fn live(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cookies.iter().filter_map(|cookie| Some((cookie.name.as_str(), cookie.value.as_deref()?)))
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

/// What a Set-Cookie header says.
struct Given<'a> {
    name: &'a str,
    /// `None` deletes the cookie.
    value: Option<&'a str>,
}

impl<'a> Given<'a> {
    /// `None` for what is no cookie, or none that is stored.
    fn parse(set_cookie: &'a str) -> Option<Self> {
        let mut parts = set_cookie.split(';');
        let (name, value) = parts.next()?.split_once('=')?;
        let (name, value) = (name.trim(), value.trim());
        let fits = name.len() + value.len() <= MAX_COOKIE;
        let valid = is_token(name) && value.bytes().all(is_value_byte) && fits;
        let deletes = parts.any(|attribute| deletes(attribute, value));
        valid.then_some(Self { name, value: (!deletes).then_some(value) })
    }
}

/// Names only: values are keys to the session.
impl std::fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.live().map(|(name, _)| name)).finish()
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
    fn the_answer_to_a_wait_only_adds_unknown_cookies() {
        let mut jar = CookieJar::parse("sid=a; sequence=1");
        let execute = jar.version();
        for cookie in ["sid=b", "sequence=0", "sequence=; Max-Age=0", "new=1", "gone=; Max-Age=0"] {
            jar.store_unknown(cookie);
        }
        assert_eq!(jar.header().as_deref(), Some("sid=a; sequence=1; new=1"));
        // What the Execute sent before says goes before it.
        jar.store_since("sequence=2", execute);
        jar.store_since("new=2", execute);
        assert_eq!(jar.header().as_deref(), Some("sid=a; sequence=2; new=2"));
        (0..100).for_each(|n| jar.store_unknown(&format!("c{n}=1")));
        assert_eq!((jar.cookies.len(), jar.get("sequence")), (MAX_COOKIES, Some("2")), "nothing is pushed out");
    }

    #[test]
    fn a_deleted_cookie_is_not_brought_back_by_an_older_answer() {
        let mut jar = CookieJar::parse("sid=a; backend=x");
        let asked = jar.version();
        jar.store("backend=; Max-Age=0");
        jar.store_since("backend=x", asked);
        jar.store_unknown("backend=x");
        assert_eq!(jar.header().as_deref(), Some("sid=a"));
        jar.store("backend=y");
        assert_eq!(jar.header().as_deref(), Some("sid=a; backend=y"));
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
