//! The guard as a state machine: attempts, verdicts and times go in, and what is passed on comes out.

use std::net::Ipv4Addr;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::login::failures::{MAX_COUNTS, SOURCE_LIMIT, WINDOW};
use crate::login::known::MAX_USERS;
use crate::login::trust::TRUST;

const HOME: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
const AWAY: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)));
const LIMIT: usize = 4;

fn tag(number: usize) -> Tag {
    let mut tag = [0; 32];
    tag[..8].copy_from_slice(&number.to_be_bytes());
    tag
}

/// A guard, and the directory in which it remembers.
fn guard() -> (Guard, TempDir) {
    let place = tempfile::tempdir().expect("a directory");
    (Guard::new(LIMIT, place.path().to_owned(), Moment::now()), place)
}

fn attempt(guard: &Guard, user: &str, number: usize, from: Option<IpAddr>, verdict: Verdict, now: Moment) -> bool {
    let admitted = guard.admit(user, tag(number), from, now);
    let passed = admitted.is_ok();
    admitted.into_iter().for_each(|admitted| guard.settle(admitted, verdict, now));
    passed
}

fn gets_in(guard: &Guard, user: &str, number: usize, from: Option<IpAddr>, now: Moment) -> bool {
    attempt(guard, user, number, from, Verdict::Accepted, now)
}

/// Tries passwords until none is passed on; tells how many were.
fn guess(guard: &Guard, user: &str, from: Option<IpAddr>, first: usize, now: Moment) -> usize {
    (0..200).take_while(|number| attempt(guard, user, first + number, from, Verdict::Refused, now)).count()
}

#[test]
fn guesses_end_and_begin_again_later() {
    let (guard, _place) = guard();
    let now = Moment::now();
    assert_eq!(guess(&guard, "alice", AWAY, 0, now), LIMIT);
    assert_eq!(guard.admit("alice", tag(50), HOME, now).err(), Some(Denied::TooMany(WINDOW)));
    assert_eq!(guess(&guard, "bob", AWAY, 100, now), LIMIT, "others are not concerned");
    assert_eq!(guess(&guard, "alice", AWAY, 200, now + WINDOW), LIMIT);
}

#[test]
fn where_a_user_got_in_others_dont_keep_the_user_out() {
    let (guard, _place) = guard();
    let now = Moment::now();
    assert!(gets_in(&guard, "alice", 0, HOME, now));
    assert_eq!(guess(&guard, "alice", AWAY, 10, now), LIMIT);
    assert_eq!(guess(&guard, "alice", HOME, 20, now), LIMIT, "as many of its own");
    assert_eq!(guess(&guard, "alice", HOME, 30, now), 0);
    let week = now + TRUST;
    assert_eq!(guess(&guard, "alice", AWAY, 40, week), LIMIT);
    assert_eq!(guess(&guard, "alice", HOME, 50, week), 0, "no longer the user's");
}

#[test]
fn a_lock_does_not_include_the_password_that_was_right() {
    let (guard, _place) = guard();
    let now = Moment::now();
    assert!(gets_in(&guard, "alice", 0, HOME, now));
    // A device behind the same address has a wrong one.
    assert_eq!(guess(&guard, "alice", HOME, 10, now), LIMIT);
    assert_eq!(guess(&guard, "alice", AWAY, 20, now), LIMIT);
    assert!(gets_in(&guard, "alice", 0, HOME, now));
    let late = now + (TRUST - Duration::from_secs(1));
    assert_eq!(guess(&guard, "alice", HOME, 30, late), LIMIT);
    assert!(gets_in(&guard, "alice", 0, HOME, late), "for as long as the source is trusted");
    // It was changed: one attempt shows, and it is a guess from then on.
    assert_eq!(guess(&guard, "alice", HOME, 40, late), 0);
    assert!(attempt(&guard, "alice", 0, HOME, Verdict::Refused, late));
    let minute = late + REMEMBERED;
    assert_eq!(guard.admit("alice", tag(0), HOME, late).err(), Some(Denied::Refused));
    assert!(matches!(guard.admit("alice", tag(0), HOME, minute).err(), Some(Denied::TooMany(_))));
}

#[test]
fn a_password_that_was_right_is_tried_beyond_the_count_by_one_at_a_time() {
    let (guard, _place) = guard();
    let now = Moment::now();
    assert!(gets_in(&guard, "alice", 0, HOME, now));
    assert_eq!(guess(&guard, "alice", AWAY, 10, now), LIMIT);
    let first = guard.admit("alice", tag(0), AWAY, now).expect("it was right");
    assert!(matches!(guard.admit("alice", tag(0), AWAY, now).err(), Some(Denied::TooMany(_))));
    guard.settle(first, Verdict::Unknown, now);
    let second = guard.admit("alice", tag(0), AWAY, now).expect("nothing speaks against it");
    guard.forget("alice", tag(0));
    guard.settle(second, Verdict::Unknown, now);
    assert!(guard.admit("alice", tag(0), AWAY, now).is_err(), "a session of the user's was refused with it");
}

#[test]
fn a_source_that_becomes_known_gives_no_further_guesses() {
    let (guard, _place) = guard();
    let now = Moment::now();
    assert_eq!(guess(&guard, "alice", AWAY, 0, now), LIMIT);
    guard.got_in("alice", tag(90), AWAY, now);
    assert_eq!(guess(&guard, "alice", AWAY, 10, now), 0);
    assert_eq!(guess(&guard, "alice", AWAY, 20, now + WINDOW), LIMIT);
}

#[test]
fn a_password_that_was_refused_is_not_asked_again_at_once() {
    let (guard, _place) = guard();
    let now = Moment::now();
    assert!(attempt(&guard, "alice", 0, None, Verdict::Refused, now));
    assert_eq!(guard.admit("alice", tag(0), None, now).err(), Some(Denied::Refused));
    assert!(guard.admit("alice", tag(0), None, now + REMEMBERED).is_ok());
}

#[test]
fn attempts_under_way_count_and_those_without_verdict_do_not() {
    let (guard, _place) = guard();
    let now = Moment::now();
    let under_way: Vec<_> =
        (0..LIMIT).map(|number| guard.admit("alice", tag(number), AWAY, now).expect("room")).collect();
    assert_eq!(guard.admit("alice", tag(50), AWAY, now).err(), Some(Denied::TooMany(Duration::from_secs(1))));
    under_way.into_iter().for_each(|attempt| guard.settle(attempt, Verdict::Unknown, now));
    assert_eq!(guard.state().failures.len(), 0);
    assert!(guard.admit("alice", tag(50), AWAY, now).is_ok());
}

#[test]
fn after_a_restart_sources_are_known_and_passwords_are_not() {
    let (guard, place) = guard();
    let now = Moment::now();
    assert!(gets_in(&guard, "alice", 0, HOME, now));
    guard.save(now).expect("saved");
    drop(guard);
    let bytes = std::fs::read(place.path().join("trusted-sources")).expect("written");
    let text = String::from_utf8(bytes).expect("text");
    assert!(text.contains("alice") && text.contains("192.0.2.1"), "{text}");
    assert_eq!(text.lines().count(), 3, "{text}");
    let guard = Guard::new(LIMIT, place.path().to_owned(), now);
    assert_eq!(guess(&guard, "alice", AWAY, 10, now), LIMIT);
    assert!(gets_in(&guard, "alice", 0, HOME, now), "guesses elsewhere are not counted here");
    assert!(!guard.state().known.begin("alice", tag(9), now));
    let guard = Guard::new(LIMIT, place.path().to_owned(), now);
    assert!(!guard.state().known.begin("alice", tag(0), now));
    let guard = Guard::new(LIMIT, place.path().to_owned(), now + TRUST);
    assert_eq!(guess(&guard, "alice", AWAY, 10, now + TRUST), LIMIT);
    assert!(!gets_in(&guard, "alice", 0, HOME, now + TRUST), "too long ago");
}

#[test]
fn many_users_fit_behind_one_source_and_tables_stay_bounded() {
    let (guard, _place) = guard();
    let now = Moment::now();
    let tried: usize = (0..50).map(|user| guess(&guard, &format!("user{user}"), AWAY, user * 200, now)).sum();
    assert_eq!(tried, SOURCE_LIMIT);
    guard.got_in("at home", tag(80_000), AWAY, now);
    assert_eq!(guess(&guard, "at home", AWAY, 90_000, now), LIMIT, "who got in from there may mistype");
    for number in 0..MAX_COUNTS + 100 {
        let later = now + Duration::from_millis(number as u64);
        attempt(&guard, &format!("u{number}"), 100_000 + number, None, Verdict::Refused, later);
        guard.got_in(&format!("g{number}"), tag(number), HOME, later);
    }
    let state = guard.state();
    assert!(state.failures.len() <= MAX_COUNTS && state.refused.len() <= MAX_REFUSED && state.known.len() <= MAX_USERS);
}

/// What happens to a guard.
#[derive(Debug, Clone)]
enum Event {
    /// Somebody begins an attempt from a source, with password `0`, which is right, or another.
    Begin(u8, usize),
    /// The attempt that is under way for longest ends, if the upstream answers.
    End(bool),
    /// The user gets in from memory, from a source.
    GotIn(u8),
    /// The gateway is restarted.
    Restart,
    /// Time passes, in minutes.
    Wait(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        8 => (0u8..4, 0usize..40).prop_map(|(source, password)| Event::Begin(source, password)),
        6 => prop::bool::weighted(0.9).prop_map(Event::End),
        1 => (0u8..2).prop_map(Event::GotIn),
        1 => Just(Event::Restart),
        2 => (0u64..20).prop_map(Event::Wait),
    ];
    prop::collection::vec(event, 1..120)
}

fn source(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, number))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Of whatever comes in whatever order, the sources that are strange to the user together, and each that is not, have no
    /// more wrong passwords passed on in half an hour than they may; and the right password from a source of the user's
    /// always passes. (A restart forgets counts, and the window begins anew.)
    #[test]
    fn nobody_guesses_more_than_may_be(events in events()) {
        const RIGHT: usize = 0;
        const USER: &str = "alice";
        let place = tempfile::tempdir().expect("a directory");
        let mut now = Moment::now();
        let mut guard = Guard::new(LIMIT, place.path().to_owned(), now);
        let mut home = std::collections::HashSet::new();
        let mut remembered = false;
        let mut under_way = Vec::new();
        // When which source was strange or not, and had a wrong password passed on.
        let mut wrong: Vec<(Instant, u8, bool)> = Vec::new();
        for event in events {
            match event {
                Event::Begin(from, password) => {
                    let is_home = home.contains(&from);
                    match guard.admit(USER, tag(password), Some(source(from)), now) {
                        Ok(admitted) => under_way.push((admitted, from, password, is_home)),
                        Err(denied) => {
                            let busy = under_way.iter().any(|(_, _, other, _)| *other == RIGHT);
                            prop_assert!(
                                password != RIGHT || !is_home || !remembered || busy,
                                "the right password from a source of the user's: {:?}", denied
                            );
                        }
                    }
                }
                Event::End(answered) if !under_way.is_empty() => {
                    let (admitted, from, password, was_home) = under_way.remove(0);
                    let verdict = match (answered, password) {
                        (false, _) => Verdict::Unknown,
                        (true, RIGHT) => Verdict::Accepted,
                        (true, _) => Verdict::Refused,
                    };
                    guard.settle(admitted, verdict, now);
                    match verdict {
                        Verdict::Accepted => {
                            home.insert(from);
                            remembered = true;
                        }
                        Verdict::Refused => wrong.push((now.at, from, was_home)),
                        Verdict::Unknown => {}
                    }
                }
                Event::End(_) => {}
                Event::GotIn(from) => {
                    guard.got_in(USER, tag(RIGHT), Some(source(from)), now);
                    home.insert(from);
                    remembered = true;
                }
                Event::Restart => {
                    guard.save(now).expect("saved");
                    under_way.clear();
                    guard = Guard::new(LIMIT, place.path().to_owned(), now);
                    remembered = false;
                    wrong.clear();
                }
                Event::Wait(minutes) => now = now + Duration::from_secs(60 * minutes),
            }
            let recent = wrong.iter().filter(|(at, ..)| now.is_within(*at, WINDOW));
            let recent: Vec<_> = recent.collect();
            prop_assert!(recent.iter().filter(|(_, _, was_home)| !was_home).count() <= LIMIT, "strange sources");
            for number in 0..4 {
                prop_assert!(recent.iter().filter(|(_, from, _)| *from == number).count() <= LIMIT, "source {}", number);
            }
        }
    }
}

#[test]
fn of_many_at_once_no_more_than_may_be_are_passed_on() {
    let (guard, _place) = guard();
    let now = Moment::now();
    let passed = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (guard, passed) = (&guard, &passed);
            scope.spawn(move || {
                for number in 0..50 {
                    if attempt(guard, "alice", thread * 100 + number, AWAY, Verdict::Refused, now) {
                        passed.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), LIMIT);
}
