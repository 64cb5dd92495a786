//! Every way in which requests and notifications can be made to fail, as a client sees it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::store::{Special, object_id};
use exchange_sandbox::{Fault, FaultKind, NotificationFault, Requests, RunningSandbox, Sandbox, Settings};
use mapi_core::ErrorCode;
use mapi_core::auth::{BasicCredentials, PlainHttp};
use mapi_core::client::{Client, ClientError, ClientSettings, EndpointUrl, Endpoints, Tls, TlsSettings};
use mapi_core::http::{MAX_RESPONSE, RequestType};
use mapi_core::rop::{
    CreateFolderRequest, Expected, LogonRequest, NO_HANDLE, OpenFolderRequest, RegisterNotificationRequest,
    RequestBody, RequestBuffer, Response, ResponseBuffer, RopRequest, notification_flags,
};

const ALICE: &str = "alice@example.test";
const EXECUTE: Requests = Requests::Only(RequestType::Execute);

async fn start() -> (RunningSandbox, Client) {
    let settings = Settings { pending_period: Duration::from_millis(40), ..Settings::default() };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let builder = Sandbox::builder().settings(settings).user(ALICE, "demo", "Alice Example");
    let sandbox = builder.start(address).await.expect("a free port");
    let client = client(&sandbox);
    client.connect().await.expect("a session");
    (sandbox, client)
}

fn client(sandbox: &RunningSandbox) -> Client {
    let url = sandbox.emsmdb_url(ALICE).expect("a user");
    let emsmdb = EndpointUrl::parse(&url, PlainHttp::Allow).expect("a URL");
    let credentials = Arc::new(BasicCredentials::new(ALICE, "demo".to_owned().into(), PlainHttp::Allow));
    let tls = Tls::new(&TlsSettings::default()).expect("TLS is set up");
    let dn = sandbox.user(ALICE).expect("a user").legacy_dn;
    let mut settings = ClientSettings::new(Endpoints { emsmdb, nspi: None }, credentials, dn, tls);
    settings.timeouts.first_byte = Duration::from_millis(400);
    settings.timeouts.answer = Duration::from_millis(600);
    settings.timeouts.slowest = u32::MAX;
    settings.retry.retries = 0;
    Client::new(&settings)
}

async fn execute(client: &Client, requests: Vec<RopRequest>) -> Result<Vec<Response>, ClientError> {
    let expected = Expected::of(&requests, |_| Arc::from([]));
    let buffer = RequestBuffer { requests, handles: vec![NO_HANDLE; 3] };
    let answer = client.execute(buffer.encode().expect("small"), MAX_RESPONSE, false).await?;
    Ok(ResponseBuffer::decode(&answer[0], &expected).expect("well-formed").responses)
}

fn rop(handle_index: u8, body: RequestBody) -> RopRequest {
    RopRequest { logon_id: 0, handle_index, body }
}

fn logon(sandbox: &RunningSandbox) -> RopRequest {
    rop(0, RequestBody::Logon(LogonRequest::mailbox(sandbox.user(ALICE).expect("a user").legacy_dn)))
}

/// Logs on and creates a folder.
async fn create(sandbox: &RunningSandbox, client: &Client, name: &str) -> Result<Vec<Response>, ClientError> {
    let top = sandbox.with(|store| store.mailbox_of(ALICE).map(|mailbox| mailbox.special(Special::IpmSubtree)));
    let open =
        OpenFolderRequest { output_handle_index: 1, folder_id: object_id(top.expect("a mailbox")), open_mode_flags: 0 };
    let create = CreateFolderRequest {
        output_handle_index: 2,
        folder_type: CreateFolderRequest::GENERIC,
        use_unicode_strings: true,
        open_existing: false,
        reserved: 0,
        display_name: name.to_owned(),
        comment: String::new(),
    };
    let requests =
        vec![logon(sandbox), rop(0, RequestBody::OpenFolder(open)), rop(1, RequestBody::CreateFolder(create))];
    execute(client, requests).await
}

fn exists(sandbox: &RunningSandbox, name: &str) -> bool {
    sandbox.with(|store| store.mailbox_of(ALICE).expect("a mailbox").folder_at(&[name]).is_some())
}

#[tokio::test]
async fn a_request_fails_in_every_way() {
    let (sandbox, client) = start().await;
    let unknown = |error: &ClientError| matches!(error, ClientError::OutcomeUnknown(_));
    let slow = |error: &ClientError| matches!(error, ClientError::TooSlow(_));
    let lost = |error: &ClientError| matches!(error, ClientError::ContextLost(_));
    let failed = |error: &ClientError| *error == ClientError::Rejected(ErrorCode::SERVER_BUSY);
    type Check = fn(&ClientError) -> bool;
    let retry_after = Some(Duration::from_secs(1));
    let all: [(FaultKind, Option<Check>); 12] = [
        (FaultKind::CloseBefore, Some(unknown)),
        (FaultKind::CloseAfter, Some(unknown)),
        (FaultKind::CutAnswer, Some(unknown)),
        // The client waits as told and asks again.
        (FaultKind::HttpStatus { status: 503, retry_after }, None),
        (FaultKind::HttpStatus { status: 429, retry_after }, None),
        (FaultKind::LoseContextBefore, Some(lost)),
        (FaultKind::LoseContextAfter, None),
        (FaultKind::HangBefore { keep_alives: false }, Some(unknown)),
        (FaultKind::HangBefore { keep_alives: true }, Some(slow)),
        (FaultKind::HangAfter { keep_alives: false }, Some(unknown)),
        (FaultKind::HangAfter { keep_alives: true }, Some(slow)),
        (FaultKind::Fail(ErrorCode::SERVER_BUSY), Some(failed)),
    ];
    for (number, (kind, expected)) in all.into_iter().enumerate() {
        let name = format!("folder {number}");
        let armed = sandbox.faults().arm(Fault::new(kind, EXECUTE, 1).of_user(ALICE));
        let result = create(&sandbox, &client, &name).await;
        assert!(armed.is_hit(), "{kind:?}");
        let done = kind.is_processed() || result.is_ok();
        match (result, expected) {
            (Err(error), Some(expected)) => assert!(expected(&error), "{kind:?}: {error:?}"),
            (Ok(answers), None) => assert_eq!(answers.len(), 3, "{kind:?}"),
            (result, _) => panic!("{kind:?}: {result:?}"),
        }
        assert_eq!(exists(&sandbox, &name), done, "{kind:?}");
        if kind == FaultKind::LoseContextAfter {
            assert_eq!(sandbox.open_contexts(), 0);
        }
        // The next request is none of the fault's business.
        client.reconnect().await.expect("a new session");
        create(&sandbox, &client, &format!("{name} again")).await.expect("it works again");
    }
}

#[tokio::test]
async fn a_server_that_is_busy_says_for_how_long() {
    let (sandbox, client) = start().await;
    let armed = sandbox.faults().arm(Fault::new(FaultKind::Backoff(Duration::from_millis(5)), EXECUTE, 2).times(2));
    for expected in [None, Some(5), Some(5), None] {
        let answers = execute(&client, vec![logon(&sandbox)]).await.expect("an answer");
        let told = match answers.as_slice() {
            [Response::Backoff(backoff)] => Some(backoff.duration),
            [Response::Rop(_)] => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(told, expected);
    }
    assert_eq!(armed.hits(), 2);
}

#[tokio::test]
async fn what_happens_at_a_fault_happens_exactly_then() {
    let (sandbox, client) = start().await;
    let before = sandbox.faults().requests_seen(Requests::Work);
    create(&sandbox, &client, "one").await.expect("created");
    assert_eq!(sandbox.faults().requests_seen(Requests::Work) - before, 1);
    let called = Arc::new(AtomicBool::new(false));
    let mark = called.clone();
    let kind = FaultKind::HangAfter { keep_alives: false };
    let mut armed =
        sandbox.faults().arm_then(Fault::new(kind, Requests::Work, 2), move || mark.store(true, Ordering::SeqCst));
    create(&sandbox, &client, "two").await.expect("created");
    assert!(!armed.is_hit());
    tokio::select! {
        result = create(&sandbox, &client, "three") => panic!("no answer was to come: {result:?}"),
        () = armed.hit() => {}
    }
    assert!(called.load(Ordering::SeqCst) && exists(&sandbox, "three"));
}

/// Logs on and subscribes to the whole mailbox.
async fn subscribe(sandbox: &RunningSandbox, client: &Client) {
    let register = RegisterNotificationRequest {
        output_handle_index: 1,
        notification_types: notification_flags::NEW_MAIL,
        reserved: 0,
        scope: None,
    };
    execute(client, vec![logon(sandbox), rop(0, RequestBody::RegisterNotification(register))])
        .await
        .expect("subscribed");
}

async fn told(client: &Client) -> usize {
    let answers = execute(client, Vec::new()).await.expect("an answer");
    answers.iter().filter(|answer| matches!(answer, Response::Notify(_))).count()
}

fn deliver(sandbox: &RunningSandbox) {
    sandbox.deliver(ALICE, MessageBuilder::new("hello").build()).expect("delivered");
}

#[tokio::test]
async fn notifications_are_lost_doubled_and_late() {
    let (sandbox, client) = start().await;
    subscribe(&sandbox, &client).await;
    let before = sandbox.notifications_seen(ALICE);
    deliver(&sandbox);
    // The last event of a delivery is the new mail.
    let of_a_delivery = sandbox.notifications_seen(ALICE) - before;
    assert_eq!(told(&client).await, 1);
    let arm = |fault| sandbox.arm_notification(ALICE, fault, of_a_delivery).expect("a user");
    let dropped = arm(NotificationFault::Drop);
    deliver(&sandbox);
    assert_eq!((dropped.hits(), told(&client).await), (1, 0));
    arm(NotificationFault::Duplicate);
    deliver(&sandbox);
    assert_eq!(told(&client).await, 2);
    let delay = Duration::from_millis(150);
    arm(NotificationFault::Delay(delay));
    let started = Instant::now();
    deliver(&sandbox);
    assert_eq!(told(&client).await, 0);
    assert!(client.wait().await.expect("a wait"), "the delayed one ends the wait");
    assert!(started.elapsed() >= delay);
    assert_eq!(told(&client).await, 1);
}
