//! Reading of values and names for many objects at once.

use super::*;
use crate::property::PropertyTag;

const KEYWORDS: PropertyTag = PropertyTag(0x8001_101F);

/// The hook of a server whose folder has 10,000 messages; every tenth has a short value, number 30 a long one.
fn folder(requests: Arc<Mutex<Vec<Vec<RopId>>>>) -> impl FnMut(&RequestBuffer) -> Option<HookAnswer> {
    let mut row = 1;
    move |request| {
        requests.lock().unwrap().push(request.requests.iter().map(|rop| rop.body.rop_id()).collect());
        let handles = (0..request.handles.len() as u32).map(|n| n + 100).collect();
        let mut buffers = vec![ResponseBuffer { responses: Vec::new(), handles }];
        for rop in request.requests.iter().filter(|rop| rop.body != RequestBody::Release) {
            match &rop.body {
                RequestBody::QueryRows(_) => {
                    let columns: Arc<[_]> = Arc::new([KEYWORDS, tags::PidTagMid]);
                    for payload in 0..8 {
                        let end = (row + 130).min(1001);
                        let rows = (row..end).map(|n| table_row(n * 10)).collect();
                        row = end;
                        let body = QueryRowsResponse {
                            origin: if row == 1001 { 2 } else { 1 },
                            columns: Arc::clone(&columns),
                            rows,
                        };
                        if payload > 0 {
                            buffers.push(ResponseBuffer { responses: Vec::new(), handles: Vec::new() });
                        }
                        let response = answer(rop, ErrorCode::NONE, ResponseBody::QueryRows(body));
                        buffers.last_mut()?.responses.push(response);
                        if row == 1001 {
                            break;
                        }
                    }
                }
                RequestBody::GetPropertiesSpecific(get) => {
                    let values = vec![RowValue::Value(PropertyValue::MultipleString(vec!["long".repeat(500)]))];
                    let columns = get.property_tags.as_slice().into();
                    let body = GetPropertiesSpecificResponse { columns, row: PropertyRow::new(values) };
                    let response = answer(rop, ErrorCode::NONE, ResponseBody::GetPropertiesSpecific(body));
                    buffers[0].responses.push(response);
                }
                _ => buffers[0].responses.push(yes(rop)),
            }
        }
        Some(Ok(buffers))
    }
}

type HookAnswer = Result<Vec<ResponseBuffer>, ClientError>;

fn table_row(number: u64) -> PropertyRow {
    let text = if number == 30 { "long".repeat(62) } else { format!("label {number}") };
    let id = PropertyValue::Integer64(MessageId::new(1, number).to_i64());
    PropertyRow::new(vec![RowValue::Value(PropertyValue::MultipleString(vec![text])), RowValue::Value(id)])
}

/// Categories that are about to be written are read for the whole set.
#[tokio::test]
async fn a_thousand_values_in_ten_thousand_messages_take_two_requests() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let requests = Arc::new(Mutex::new(Vec::new()));
    server.hook(folder(Arc::clone(&requests)));
    let ids = mids(1..1001);
    let key = PropertyKey::Tag(KEYWORDS);
    let plan = &mut OpenPlan::default();
    let found = mailbox.message_values(INBOX, &ids, std::slice::from_ref(&key), plan).await;
    let found = found.unwrap_or_else(|error| panic!("{error:?}: {:?}", requests.lock().unwrap()));
    assert_eq!(found.len(), 100, "those that have any");
    let value =
        |number| found.iter().find(|(id, _)| *id == MessageId::new(1, number)).map(|(_, bag)| bag.get(KEYWORDS));
    assert_eq!(value(20), Some(Some(&PropertyValue::MultipleString(vec!["label 20".into()]))));
    assert_eq!(value(30), Some(Some(&PropertyValue::MultipleString(vec!["long".repeat(500)]))), "read whole");
    assert_eq!(value(25), None);
    let requests = requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert!(requests[0].contains(&RopId::RESTRICT) && requests[1].contains(&RopId::OPEN_MESSAGE));
}

#[tokio::test]
async fn few_values_are_read_by_opening() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(|_| None);
    let key = PropertyKey::Tag(KEYWORDS);
    let plan = &mut OpenPlan::default();
    let found = mailbox.message_values(INBOX, &mids(1..9), &[key], plan).await.expect("values");
    assert!(found.is_empty(), "none has any");
    assert_eq!(server.rops().len(), 1);
    let none = mailbox.message_values(INBOX, &[], &[], plan).await.expect("nothing");
    assert!(none.is_empty() && server.rops().len() == 1);
}

#[tokio::test]
async fn a_table_that_cannot_be_restricted_is_read_whole() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    let requests = Arc::new(Mutex::new(Vec::new()));
    let mut inner = folder(Arc::clone(&requests));
    server.hook(move |request| {
        let refuse = |rop: &RopRequest| match &rop.body {
            RequestBody::Restrict(_) => answer(rop, ErrorCode::TOO_COMPLEX, ResponseBody::Empty),
            RequestBody::QueryRows(_) => answer(rop, ErrorCode::NULL_OBJECT, ResponseBody::Empty),
            _ => yes(rop),
        };
        if request.requests.iter().any(|rop| matches!(rop.body, RequestBody::Restrict(_))) {
            let answered = request.requests.iter().filter(|rop| rop.body != RequestBody::Release);
            let handles = (0..request.handles.len() as u32).map(|n| n + 100).collect();
            return Some(Ok(vec![ResponseBuffer { responses: answered.map(refuse).collect(), handles }]));
        }
        inner(request)
    });
    let plan = &mut OpenPlan::default();
    let key = PropertyKey::Tag(KEYWORDS);
    let found = mailbox.message_values(INBOX, &mids(1..1001), &[key], plan).await.expect("values");
    assert_eq!(found.len(), 100);
}

#[tokio::test]
async fn names_of_folders_come_in_one_request() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.hook(|request| {
        let name = |rop: &RopRequest| match &rop.body {
            RequestBody::GetPropertiesSpecific(get) => {
                let row = PropertyRow::new(vec![RowValue::Value(PropertyValue::String("New name".into()))]);
                let columns = get.property_tags.as_slice().into();
                let body = GetPropertiesSpecificResponse { columns, row };
                answer(rop, ErrorCode::NONE, ResponseBody::GetPropertiesSpecific(body))
            }
            RequestBody::OpenFolder(open) if open.folder_id == OUTBOX => {
                answer(rop, ErrorCode::NOT_FOUND, ResponseBody::Empty)
            }
            _ => yes(rop),
        };
        let mut gone = 0;
        let mut responses = Vec::new();
        for rop in request.requests.iter().filter(|rop| rop.body != RequestBody::Release) {
            let response = name(rop);
            match &response {
                Response::Rop(answer) if answer.return_value == ErrorCode::NOT_FOUND => gone = 1,
                _ => {}
            }
            match (gone, &rop.body) {
                (1, RequestBody::GetPropertiesSpecific(_)) => {
                    gone = 0;
                    responses.push(answer(rop, ErrorCode::NULL_OBJECT, ResponseBody::Empty));
                }
                _ => responses.push(response),
            }
        }
        let handles = (0..request.handles.len() as u32).map(|n| n + 100).collect();
        Some(Ok(vec![ResponseBuffer { responses, handles }]))
    });
    let names = mailbox.folder_names(&[INBOX, OUTBOX]).await.expect("names");
    assert_eq!(names, [Some("New name".to_owned()), None]);
    assert_eq!(server.rops().len(), 1);
}

/// A folder renamed past the gateway: the notification speaks of counts only.
#[tokio::test]
async fn a_renamed_folder_is_named_within_a_second() {
    let server = Server::default();
    let mailbox = server.mailbox().await;
    server.state().waits.extend([true, true]);
    server.hook(|request| {
        let modified = Response::Notify(NotifyResponse {
            notification_handle: 1,
            logon_id: 0,
            notification_flags: 0x3010,
            data: NotificationData::Object(ObjectNotification {
                folder_id: INBOX,
                total_message_count: Some(4),
                unread_message_count: Some(1),
                ..ObjectNotification::default()
            }),
        });
        let empty = request.requests.is_empty();
        empty.then(|| Ok(vec![ResponseBuffer { responses: vec![modified], handles: Vec::new() }]))
    });
    let began = std::time::Instant::now();
    let first = mailbox.changes().await.expect("changes");
    assert!(first.touched.contains(&INBOX) && began.elapsed() < Duration::from_millis(500));
    let mut second = mailbox.changes().await.expect("changes");
    while second.touched.is_empty() {
        second = mailbox.changes().await.expect("changes");
    }
    let elapsed = began.elapsed();
    assert!(elapsed >= Duration::from_secs(1) && elapsed < Duration::from_secs(2), "{elapsed:?}");
    assert_eq!(server.rops().len(), 2, "two polls");
}
