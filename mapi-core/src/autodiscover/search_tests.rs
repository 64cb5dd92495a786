use proptest::prelude::*;

use super::*;
use crate::auth::AuthError;
use crate::autodiscover::ProtocolUrls;

const ALICE: &str = "alice@lab.test";

fn bounds() -> Bounds {
    let allowed = AllowedHosts::new(["lab.test", "autodiscover.lab.test", "mail.lab.test"]);
    Bounds { allowed, plain_http: PlainHttp::Refuse }
}

fn search() -> Search {
    Search::new(bounds(), None, ALICE)
}

fn nothing() -> Reply {
    Reply::Http { status: 404, location: None, body: Some(Vec::new()) }
}

fn redirect(to: &str) -> Reply {
    Reply::Http { status: 302, location: Some(to.to_owned()), body: Some(Vec::new()) }
}

fn body(text: impl Into<String>) -> Reply {
    Reply::Http { status: 200, location: None, body: Some(text.into().into_bytes()) }
}

fn settings() -> AutodiscoverAnswer {
    AutodiscoverAnswer::Settings(Box::new(MailboxSettings {
        legacy_dn: "/o=x/cn=alice".into(),
        emsmdb: ProtocolUrls::both("https://mail.lab.test/mapi/emsmdb/"),
        ..MailboxSettings::default()
    }))
}

/// Asks a world; what was asked, and what came of it.
fn run(mut search: Search, world: impl Fn(&str) -> Reply) -> (Vec<String>, Result<MailboxSettings, AutodiscoverError>) {
    let mut asked = Vec::new();
    while let Some(question) = search.question() {
        asked.push(question.to_string());
        search.answer(world(&question.to_string()));
    }
    (asked, search.end())
}

#[test]
fn the_order_of_questions() {
    let (asked, end) = run(search(), |_| nothing());
    let json = "/autodiscover/autodiscover.json?Email=alice@lab.test&Protocol=AutodiscoverV1&RedirectCount=1";
    let expected = [
        "https://lab.test/autodiscover/autodiscover.xml".to_owned(),
        "https://autodiscover.lab.test/autodiscover/autodiscover.xml".to_owned(),
        format!("https://lab.test{json} (without credentials)"),
        format!("https://autodiscover.lab.test{json} (without credentials)"),
        "http://autodiscover.lab.test/autodiscover/autodiscover.xml (without credentials)".to_owned(),
        "DNS SRV _autodiscover._tcp.lab.test".to_owned(),
    ];
    assert_eq!(asked, expected);
    assert_eq!(end.err(), Some(AutodiscoverError::HttpStatus(404)));
}

#[test]
fn each_way_leads_to_the_settings() {
    let there = "https://mail.lab.test/autodiscover/autodiscover.xml";
    let ways: [(&str, Reply); 5] = [
        ("https://autodiscover.lab.test/autodiscover/autodiscover.xml", redirect(there)),
        (
            "https://lab.test/autodiscover/autodiscover.xml",
            body(AutodiscoverAnswer::RedirectUrl(there.into()).encode()),
        ),
        ("https://lab.test/autodiscover/autodiscover.json", body(format!("{{\"Url\":\"{there}\"}}"))),
        ("http://autodiscover.lab.test/", redirect(there)),
        ("DNS SRV", Reply::Hosts(vec![("evil.test".into(), 443), ("mail.lab.test".into(), 443)])),
    ];
    for (way, reply) in ways {
        let (asked, end) = run(search(), |question| match question {
            question if question.starts_with(there) => body(settings().encode()),
            question if question.starts_with(way) => reply.clone(),
            _ => nothing(),
        });
        assert_eq!(end.expect(way).legacy_dn, "/o=x/cn=alice");
        assert_eq!(asked.last().map(String::as_str), Some(there), "{way}");
    }
}

/// Whoever answers, and whatever: nothing is sent to hosts that are not allowed.
#[test]
fn the_hostile_get_nothing() {
    let evil = "https://evil.test/autodiscover/autodiscover.xml";
    let ways: [(&str, Reply); 8] = [
        ("https://lab.test/autodiscover/autodiscover.xml", redirect(evil)),
        ("https://lab.test/autodiscover/autodiscover.xml", body(AutodiscoverAnswer::RedirectUrl(evil.into()).encode())),
        (
            "https://lab.test/autodiscover/autodiscover.xml",
            body(AutodiscoverAnswer::RedirectAddress("alice@evil.test".into()).encode()),
        ),
        ("https://lab.test/autodiscover/autodiscover.json", redirect(evil)),
        ("https://lab.test/autodiscover/autodiscover.json", body(format!("{{\"Url\":\"{evil}\"}}"))),
        ("http://autodiscover.lab.test/", redirect(evil)),
        ("http://autodiscover.lab.test/", redirect("https://lab.test@evil.test/")),
        ("DNS SRV", Reply::Hosts(vec![("evil.test".into(), 443)])),
    ];
    for (way, reply) in ways {
        let world = |question: &str| if question.starts_with(way) { reply.clone() } else { nothing() };
        let (asked, end) = run(search(), world);
        assert!(end.is_err());
        assert!(!asked.iter().any(|question| question.contains("evil.test")), "{way}: {asked:?}");
    }
    // Encrypted is what it has to stay.
    for way in ["https://lab.test/", "http://autodiscover.lab.test/"] {
        let world = |question: &str| match question.starts_with(way) {
            true => redirect("http://mail.lab.test/autodiscover/autodiscover.xml"),
            false => nothing(),
        };
        let (asked, _) = run(search(), world);
        assert!(!asked.iter().any(|question| question.contains("mail.lab.test")), "{asked:?}");
    }
    // An answer over plain http, which anybody can give, is no settings.
    let (_, end) = run(search(), |question| match question.starts_with("http://") {
        true => body(settings().encode()),
        false => nothing(),
    });
    assert!(end.is_err());
}

#[test]
fn a_refused_password_is_the_end() {
    let (asked, end) = run(search(), |_| Reply::Failed(AutodiscoverError::Unauthorized(AuthError::Refused)));
    assert_eq!((asked.len(), end.err()), (1, Some(AutodiscoverError::Unauthorized(AuthError::Refused))));
}

#[test]
fn the_most_telling_error_counts() {
    let (_, end) = run(search(), |question| match question.starts_with("DNS") {
        true => Reply::Hosts(vec![("hosted.test".into(), 443)]),
        false => Reply::Failed(AutodiscoverError::Unreachable("no".into())),
    });
    assert_eq!(end.err(), Some(AutodiscoverError::NotAllowed("hosted.test".into())));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Any replies: the search ends, and never leaves the allowed hosts.
    #[test]
    fn anything_may_come(replies in prop::collection::vec(0usize..12, 0..60), seed: u8) {
        let texts = [
            AutodiscoverAnswer::RedirectUrl("https://mail.lab.test/x".into()).encode(),
            AutodiscoverAnswer::RedirectUrl("https://evil.test/x".into()).encode(),
            AutodiscoverAnswer::RedirectAddress(format!("alice{seed}@lab.test")).encode(),
            AutodiscoverAnswer::RedirectAddress("alice@evil.test".into()).encode(),
            "{\"Url\":\"https://mail.lab.test/y\"}".to_owned(),
            "{\"Url\":\"https://evil.test/y\"}".to_owned(),
        ];
        let mut search = search();
        let mut replies = replies.into_iter();
        let mut count = 0;
        while let Some(question) = search.question() {
            count += 1;
            prop_assert!(count <= MAX_QUESTIONS);
            prop_assert!(!question.to_string().contains("evil.test"));
            let reply = match replies.next() {
                Some(at @ 0..6) => body(texts[at].clone()),
                Some(6) => redirect("/again"),
                Some(7) => redirect("//evil.test/"),
                Some(8) => redirect("https://mail.lab.test/z"),
                Some(9) => Reply::Hosts(vec![("mail.lab.test".into(), 444), ("evil.test".into(), 1)]),
                Some(10) => Reply::Http { status: 200, location: None, body: None },
                _ => nothing(),
            };
            search.answer(reply);
        }
    }
}
