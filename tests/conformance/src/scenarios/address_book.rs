//! The address book.

use mapi_core::nspi::{AddressBook, Resolution};

use super::super::bench::same;
use super::super::{Bench, Expected, Needs, Scenario};
use super::done::Done;

pub(super) const RESOLVE: Scenario = Scenario {
    name: "address book",
    needs: Needs::AddressBook,
    expected: &[
        Expected::must("own DN", "own address"),
        Expected::must("DN of nobody", "nothing"),
        Expected::may("own address as a name", "own entry", &["ambiguous", "nothing"], "the gateway resolves DNs"),
        Expected::may("address of nobody", "nothing", &["ambiguous"], "the gateway resolves DNs"),
        Expected::must("asked again after Unbind", "same"),
    ],
    run: |b| Box::pin(resolve(b)),
};

async fn resolve(b: &mut Bench) -> Done {
    let user = b.target.user.clone();
    let Some(book) = AddressBook::new(&user.settings) else { return Ok(()) };
    let dn = user.legacy_dn();
    let nobody = super::errors::nobody(dn);
    let found = book.resolve_dn_to_smtp(&[dn, &nobody]).await?;
    let is_own = |address: Option<&String>| address.is_some_and(|address| address.eq_ignore_ascii_case(&user.address));
    let own = found.first().and_then(Option::as_ref);
    b.see("own DN", if is_own(own) { "own address" } else { "another" });
    b.see("DN of nobody", if found.get(1).is_some_and(Option::is_none) { "nothing" } else { "something" });
    let shown = |resolution: Resolution| match resolution {
        Resolution::Found(entry) if is_own(entry.smtp_address.as_ref()) => "own entry",
        Resolution::Found(_) => "another entry",
        Resolution::Ambiguous => "ambiguous",
        Resolution::Unknown => "nothing",
    };
    let own = book.resolve_name(&format!("=SMTP:{}", user.address)).await?;
    b.see("own address as a name", shown(own));
    let nobody = book.resolve_name("=SMTP:nobody-at-all@example.invalid").await?;
    b.see("address of nobody", shown(nobody));
    book.close().await?;
    let again = book.resolve_dn_to_smtp(&[dn]).await?;
    b.see("asked again after Unbind", same(again.first() == found.first()));
    book.close().await?;
    Ok(())
}
