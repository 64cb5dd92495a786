//! Manners and faults that a decoder would not let pass, or that show only in the bytes of an answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use exchange_sandbox::seed::MessageBuilder;
use exchange_sandbox::store::{Special, object_id};
use exchange_sandbox::{Fault, FaultKind, Manners, Overflow, Requests, RunningSandbox, Sandbox};
use mapi_core::ErrorCode;
use mapi_core::auth::{BasicCredentials, PlainHttp};
use mapi_core::client::{Client, ClientError, ClientSettings, EndpointUrl, Endpoints, Tls, TlsSettings};
use mapi_core::http::{MAX_RESPONSE, RequestType};
use mapi_core::id::{FolderId, MessageId};
use mapi_core::property::tags::PidTagBody;
use mapi_core::rop::{
    Expected, LogonRequest, NO_HANDLE, OpenMessageRequest, OpenStreamRequest, RequestBody, RequestBuffer, Response,
    ResponseBody, ResponseBuffer, RopRequest, WriteStreamRequest,
};

const ALICE: &str = "alice@example.test";
const EXECUTE: Requests = Requests::Only(RequestType::Execute);

/// A sandbox with these manners, a session with it, and a message in the Inbox with so many recipients.
struct World {
    sandbox: RunningSandbox,
    client: Client,
    message: (FolderId, MessageId),
}

impl World {
    async fn start(manners: Manners, recipients: usize) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let builder = Sandbox::builder().manners(manners).user(ALICE, "demo", "Alice Example");
        let sandbox = builder.start(address).await.expect("a free port");
        let message = sandbox.with(|store| {
            let mailbox = store.mailbox_of(ALICE).expect("a mailbox");
            let inbox = mailbox.special(Special::Inbox);
            let mut message = MessageBuilder::new("many");
            for n in 0..recipients {
                message = message.recipient(1, &format!("Person {n}"), &format!("person-{n}@example.org"));
            }
            let id = mailbox.add(inbox, message.build(), true).expect("added");
            (object_id(inbox), object_id(id))
        });
        let url = sandbox.emsmdb_url(ALICE).expect("a user");
        let emsmdb = EndpointUrl::parse(&url, PlainHttp::Allow).expect("a URL");
        let credentials = Arc::new(BasicCredentials::new(ALICE, "demo".to_owned().into(), PlainHttp::Allow));
        let tls = Tls::new(&TlsSettings::default()).expect("TLS is set up");
        let dn = sandbox.user(ALICE).expect("a user").legacy_dn;
        let mut settings = ClientSettings::new(Endpoints { emsmdb, nspi: None }, credentials, dn, tls);
        settings.retry.retries = 0;
        let client = Client::new(&settings);
        client.connect().await.expect("a session");
        Self { sandbox, client, message }
    }

    /// Logs on and runs `bodies`, which find the logon at index 0 and may use eight more.
    async fn run(&self, bodies: Vec<(u8, RequestBody)>) -> Result<(Vec<RopRequest>, Vec<u8>), ClientError> {
        let logon = LogonRequest::mailbox(self.sandbox.user(ALICE).expect("a user").legacy_dn);
        let all = [(0, RequestBody::Logon(logon))].into_iter().chain(bodies);
        let requests: Vec<_> = all.map(|(handle_index, body)| RopRequest { logon_id: 0, handle_index, body }).collect();
        let buffer = RequestBuffer { requests: requests.clone(), handles: vec![NO_HANDLE; 9] };
        let answer = self.client.execute(buffer.encode().expect("small"), MAX_RESPONSE, false).await?;
        Ok((requests, answer.into_iter().next().expect("a payload")))
    }

    fn open(&self, output_handle_index: u8) -> (u8, RequestBody) {
        let (folder_id, message_id) = self.message;
        let open = OpenMessageRequest {
            output_handle_index,
            code_page_id: OpenMessageRequest::LOGON_CODE_PAGE,
            folder_id,
            open_mode_flags: OpenMessageRequest::READ_WRITE,
            message_id,
        };
        (0, RequestBody::OpenMessage(open))
    }
}

fn decode(requests: &[RopRequest], payload: &[u8]) -> Result<Vec<Response>, String> {
    let expected = Expected::of(requests, |_| Arc::from([]));
    ResponseBuffer::decode(payload, &expected).map(|buffer| buffer.responses).map_err(|error| error.to_string())
}

/// More than one answer holds.
fn many(world: &World) -> Vec<(u8, RequestBody)> {
    (0..40).map(|_| world.open(1)).collect()
}

/// How many rows came with each RopOpenMessage.
fn rows(responses: &[Response]) -> Vec<usize> {
    let of = |response: &Response| match response {
        Response::Rop(answer) => match &answer.body {
            ResponseBody::OpenMessage(open) => Some(open.recipient_rows.len()),
            _ => None,
        },
        _ => None,
    };
    responses.iter().filter_map(of).collect()
}

fn codes(responses: &[Response]) -> Vec<u32> {
    let of = |response: &Response| match response {
        Response::Rop(answer) => Some(answer.return_value.0),
        _ => None,
    };
    responses.iter().filter_map(of).collect()
}

#[tokio::test]
async fn recipients_fill_the_answer_to_opening_a_message() {
    let world = World::start(Manners::default(), 300).await;
    let (requests, payload) = world.run(vec![world.open(1)]).await.expect("answers");
    let [count] = rows(&decode(&requests, &payload).expect("well-formed"))[..] else { panic!("one answer") };
    assert!((50..=255).contains(&count) && payload.len() <= 0x7FFF, "{count} rows, {} bytes", payload.len());
}

#[tokio::test]
async fn a_row_count_that_nobody_wrote_makes_the_answer_unreadable() {
    let world = World::start(Manners::gromox(), 300).await;
    let (requests, payload) = world.run(vec![world.open(1), world.open(2)]).await.expect("answers");
    let error = decode(&requests, &payload).expect_err("unreadable");
    assert!(error.contains("RowCount"), "{error}");
    // What does not fit at all fails the Execute.
    assert_eq!(world.run(many(&world)).await, Err(ClientError::Rejected(ErrorCode::BUFFER_TOO_SMALL)));
}

#[tokio::test]
async fn answers_that_fit_no_buffer_fail_by_status() {
    let manners = Manners { overflow: Overflow::Status, ..Manners::default() };
    let world = World::start(manners, 300).await;
    let failed = world.run(many(&world)).await.expect_err("no answers");
    let text = failed.to_string();
    assert!(text.contains("ecBufferTooSmall") || text.contains("0x0000047D"), "{text}");
    let polite = World::start(Manners::default(), 300).await;
    let (requests, payload) = polite.run(many(&polite)).await.expect("answers");
    let responses = decode(&requests, &payload).expect("well-formed");
    assert!(matches!(responses.last(), Some(Response::BufferTooSmall { .. })), "{responses:?}");
}

#[tokio::test]
async fn a_write_that_fails_answers_with_its_size_or_without() {
    for (short, written) in [(false, Some(0)), (true, None)] {
        let manners = Manners { largest_stream: 100, failed_write_is_short: short, ..Manners::default() };
        let world = World::start(manners, 1).await;
        let stream = OpenStreamRequest { output_handle_index: 2, property_tag: PidTagBody, open_mode_flags: 2 };
        let write = WriteStreamRequest { data: vec![0; 200] };
        let all = vec![world.open(1), (1, RequestBody::OpenStream(stream)), (2, RequestBody::WriteStream(write))];
        let (_, payload) = world.run(all).await.expect("answers");
        // RopsList ends with the answer to the write.
        let end = usize::from(u16::from_le_bytes([payload[0], payload[1]]));
        let size = if written.is_some() { 2 } else { 0 };
        let answer = &payload[end - size - 6..end];
        let mut wanted = vec![0x2D, 2];
        wanted.extend(ErrorCode::TOO_BIG.0.to_le_bytes());
        wanted.extend(written.into_iter().flat_map(u16::to_le_bytes));
        assert_eq!(answer, wanted);
    }
}

#[tokio::test]
async fn a_status_code_tells_that_the_server_is_busy() {
    let world = World::start(Manners::default(), 1).await;
    let armed = world.sandbox.faults().arm(Fault::new(FaultKind::BUSY, EXECUTE, 1));
    // The client asks again, in the same context.
    assert!(world.run(vec![world.open(1)]).await.is_ok());
    assert!(armed.is_hit());
    assert_eq!(world.sandbox.open_contexts(), 1);
}

#[tokio::test]
async fn a_logon_is_put_off() {
    const PAUSED: ErrorCode = ErrorCode(0x47F);
    let world = World::start(Manners::default(), 1).await;
    world.sandbox.faults().arm(Fault::new(FaultKind::RefuseLogon(PAUSED), EXECUTE, 1));
    let (requests, payload) = world.run(vec![world.open(1)]).await.expect("answers");
    let responses = decode(&requests, &payload).expect("well-formed");
    assert_eq!(codes(&responses), [PAUSED.0, ErrorCode::NULL_OBJECT.0]);
    let (requests, payload) = world.run(vec![world.open(1)]).await.expect("answers");
    assert_eq!(codes(&decode(&requests, &payload).expect("well-formed")), [0, 0]);
}
