//! The conformance suite: against the sandbox or, if `CONFORMANCE_USER` is set (see `from_environment`), against the
//! server that the environment names.
//!
//! ```text
//! cargo test -p tests --test upstream conformance:: -- --nocapture
//! ```

use std::path::PathBuf;

use conformance::{Expected, Report, SCENARIOS, Scenario, Target, Verdict, run};
use exchange_sandbox::{Manners, Overflow, RunningSandbox, Sandbox};
use gateway::check::{TargetError, find_target};
use gateway::config::{AuthScheme, AuthSchemes, TlsVerification, UpstreamConfig};
use secrecy::SecretString;

const PASSWORD: &str = "demo";
const ALICE: &str = "alice@example.test";
const BOB: &str = "bob@example.test";

async fn sandbox() -> (RunningSandbox, Target) {
    sandbox_with(Manners::default()).await
}

async fn sandbox_with(manners: Manners) -> (RunningSandbox, Target) {
    let sandbox = Sandbox::builder()
        .manners(manners)
        .user(ALICE, PASSWORD, "Alice Example")
        .user(BOB, PASSWORD, "Bob Example")
        .start("127.0.0.1:0".parse().expect("an address"))
        .await
        .expect("the sandbox starts");
    let config = UpstreamConfig {
        domains: vec!["example.test".to_owned()],
        autodiscover_url: Some(sandbox.autodiscover_url()),
        allow_plain_http: true,
        auth: AuthSchemes::Named(vec![AuthScheme::Basic]),
        ..UpstreamConfig::default()
    };
    let password = || SecretString::from(PASSWORD);
    let target = find_target(&config, (ALICE, password()), Some((BOB, password()))).await.expect("mailboxes");
    (sandbox, target)
}

/// The server that environment variables name; `None` if `CONFORMANCE_USER` is not set.
///
/// `CONFORMANCE_USER`, `CONFORMANCE_PASSWORD`: in whose mailbox to work. `CONFORMANCE_AUTODISCOVER`: URL of
/// Autodiscover, if it is not at the usual place; or `CONFORMANCE_URL` (`CONFORMANCE_NSPI_URL`) and
/// `CONFORMANCE_DN`: URLs and legacyExchangeDN, with `{user}` for the login name. `CONFORMANCE_HOSTS`: further hosts,
/// with commas, that may be given credentials. `CONFORMANCE_SECOND_USER`, `CONFORMANCE_SECOND_PASSWORD` (the first
/// user's by default): who gets mail. `CONFORMANCE_CA_FILE`: PEM file of certificates to trust.
/// `CONFORMANCE_PLAIN_HTTP=1`: allow `http://`, and Basic over it. `CONFORMANCE_ANY_CERTIFICATE=1`: trust anybody.
///
/// # Errors
/// As [`find_target`].
///
/// # Panics
/// Without `CONFORMANCE_PASSWORD`.
async fn from_environment() -> Result<Option<Target>, TargetError> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let Some(user) = variable("CONFORMANCE_USER") else { return Ok(None) };
    let password = variable("CONFORMANCE_PASSWORD").expect("CONFORMANCE_PASSWORD beside CONFORMANCE_USER");
    let second = variable("CONFORMANCE_SECOND_USER");
    let second_password = variable("CONFORMANCE_SECOND_PASSWORD").unwrap_or_else(|| password.clone());
    let is_on = |name: &str| variable(name).is_some_and(|value| value == "1");
    let hosts = variable("CONFORMANCE_HOSTS").unwrap_or_default();
    let domains = [Some(&user), second.as_ref()];
    let domains = domains.into_iter().flatten().filter_map(|address| Some(address.rsplit_once('@')?.1.to_owned()));
    let config = UpstreamConfig {
        domains: domains.collect(),
        hosts: hosts.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect(),
        autodiscover_url: variable("CONFORMANCE_AUTODISCOVER"),
        emsmdb_url: variable("CONFORMANCE_URL"),
        nspi_url: variable("CONFORMANCE_NSPI_URL"),
        legacy_dn: variable("CONFORMANCE_DN"),
        ca_file: variable("CONFORMANCE_CA_FILE").map(PathBuf::from),
        allow_plain_http: is_on("CONFORMANCE_PLAIN_HTTP"),
        auth: match is_on("CONFORMANCE_PLAIN_HTTP") {
            true => AuthSchemes::Named(vec![AuthScheme::Ntlm, AuthScheme::Negotiate, AuthScheme::Basic]),
            false => AuthSchemes::Auto,
        },
        tls_verification: match is_on("CONFORMANCE_ANY_CERTIFICATE") {
            true => TlsVerification::DangerousNone,
            false => TlsVerification::Full,
        },
        ..UpstreamConfig::default()
    };
    let second = second.as_deref().map(|second| (second, SecretString::from(second_password)));
    find_target(&config, (&user, SecretString::from(password)), second).await.map(Some)
}

/// The scenarios that `CONFORMANCE_ONLY` names a part of; all if it is not set.
fn chosen() -> Vec<&'static Scenario> {
    let part = std::env::var("CONFORMANCE_ONLY").unwrap_or_default();
    let chosen: Vec<_> = SCENARIOS.iter().filter(|scenario| scenario.name.contains(&part)).collect();
    assert!(!chosen.is_empty(), "no scenario has {part:?} in its name");
    chosen
}

async fn run_on(target: &Target) -> Report {
    let mut report = Report::default();
    for scenario in chosen() {
        report.lines.extend(run(target, std::slice::from_ref(scenario), |done| println!("{done}")).await.lines);
    }
    println!("{report:#}");
    println!("\nDifferences:\n{report}");
    report
}

#[tokio::test]
async fn the_server_is_one_the_gateway_can_work_with() {
    let named = from_environment().await.expect("a server that can be reached");
    let report = match named {
        Some(target) => run_on(&target).await,
        None => {
            let (_sandbox, target) = sandbox().await;
            run_on(&target).await
        }
    };
    assert!(report.passed(), "\n{report}");
}

#[tokio::test]
async fn the_gateway_copes_with_the_manners_of_gromox() {
    let (_sandbox, target) = sandbox_with(Manners::gromox()).await;
    let report = run_on(&target).await;
    assert!(report.passed(), "\n{report}");
}

#[tokio::test]
async fn the_gateway_copes_with_answers_as_exchange_2013_fails_them() {
    let manners = Manners { overflow: Overflow::Status, ..Manners::default() };
    let (_sandbox, target) = sandbox_with(manners).await;
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == "answers beyond 32 KiB").expect("a scenario");
    let report = run(&target, std::slice::from_ref(scenario), |_| {}).await;
    assert!(report.passed(), "\n{report}");
}

#[tokio::test]
async fn the_gateway_copes_with_rude_manners() {
    let (_sandbox, target) = sandbox_with(Manners::rude()).await;
    let report = run_on(&target).await;
    assert!(report.passed(), "\n{report}");
}

#[tokio::test]
async fn nothing_is_left_behind() {
    use exchange_sandbox::store::Special;
    let (sandbox, target) = sandbox().await;
    let content = || {
        sandbox.with(|store| {
            [ALICE, BOB].map(|user| {
                let mailbox = store.mailbox_of(user).expect("a mailbox");
                let folders = mailbox.descendants(mailbox.special(Special::IpmSubtree));
                let describe =
                    |(id, _): &_| mailbox.folder(*id).map(|folder| (folder.name().to_owned(), folder.total()));
                folders.iter().filter_map(|folder| describe(folder).ok()).collect::<Vec<_>>()
            })
        })
    };
    let before = content();
    let names = ["submission", "folders deleted", "long-term ids", "another's mailbox"];
    let some = SCENARIOS.iter().filter(|scenario| names.contains(&scenario.name));
    for scenario in some {
        run(&target, std::slice::from_ref(scenario), |_| {}).await;
    }
    assert_eq!(content(), before);
    // A replica that a server was asked for stays known to it.
    let known = sandbox.with(|store| store.mailbox_of(ALICE).expect("a mailbox").foreign_replicas());
    assert_eq!(known, 0);
}

#[tokio::test]
async fn a_difference_fails() {
    let (_sandbox, target) = sandbox().await;
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == "connect and logon").expect("the first scenario");
    let wrong: Vec<Expected> = scenario
        .expected
        .iter()
        .map(|expected| match expected.field {
            "owner right" => Expected::must(expected.field, "no"),
            _ => *expected,
        })
        .collect();
    let wrong = Scenario { expected: wrong.leak(), ..*scenario };
    let report = run(&target, &[wrong], |_| {}).await;
    let different = report.lines.iter().filter(|line| line.verdict == Verdict::Different);
    assert_eq!(
        different.map(|line| (line.field.as_str(), line.seen.as_str())).collect::<Vec<_>>(),
        [("owner right", "yes")]
    );
    assert!(!report.passed());
}
