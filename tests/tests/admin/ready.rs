use tests::until::until;

use super::stage::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn ready_is_who_reaches_the_upstream_and_can_write() {
    let stage = Stage::local().await;
    let answer = stage.get("/readyz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ready\nupstream: answers\nledger: can be written\n"));
    let Stage { sandbox, gateway, admin, folder } = stage;
    sandbox.shutdown().await;
    until("it is seen", async || super::http::get(admin, "/readyz", "").await.status == 503).await;
    let answer = super::http::get(admin, "/readyz", "").await;
    assert!(answer.body.starts_with("not ready\nupstream: does not answer\nledger: can be written"), "{}", answer.body);
    assert!(super::http::get(admin, "/", "").await.body.contains("<span class=\"bad\">does not answer</span>"));
    assert_eq!(super::http::get(admin, "/healthz", "").await.body, "alive\n", "restarting it would not help");
    std::fs::rename(folder.path().join("ledger"), folder.path().join("gone")).expect("renamed");
    let seen = async || super::http::get(admin, "/readyz", "").await.body.contains("ledger: can't be written");
    until("that is seen, too", seen).await;
    drop(gateway);
}
