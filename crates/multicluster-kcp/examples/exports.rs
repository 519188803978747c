//! A controller over two exports: the status of every Shop counts the Orders for it, which come from another export.
//!
//! ```text
//! $ platform-mesh up                                                                            # in another terminal
//! $ cargo run -p platform-mesh-multicluster-kcp --example exports -- .platform-mesh/admin.kubeconfig
//! root:shop-one default/books: 0 orders
//! root:shop-one default/books: 2 orders
//! ```
//!
//! Each export is a provider of its own with its own rights; a workspace that binds both is a cluster of both, with one id. Ctrl-C ends it.

mod setup;

use std::sync::Arc;

use kube::{
    Config, CustomResource, ResourceExt as _,
    api::{Patch, PatchParams},
};
use multicluster::{Action, ClusterKey, Controller, Cx, Fleet, FleetError, FleetStore, ObjectKey};
use multicluster_kcp::{ApiExport, Connection};
use serde::{Deserialize, Serialize};
use serde_json::json;
use setup::Fault;

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize)]
#[kube(
    group = "shops.example.io",
    version = "v1",
    kind = "Shop",
    namespaced,
    status = "ShopStatus",
    schema = "disabled"
)]
pub(crate) struct ShopSpec {}

#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
pub(crate) struct ShopStatus {
    orders: usize,
}

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize)]
#[kube(group = "orders.example.io", version = "v1", kind = "Order", namespaced, schema = "disabled")]
pub(crate) struct OrderSpec {
    shop: String,
}

struct App {
    orders: FleetStore<Order>,
}

async fn reconcile(shop: Arc<Shop>, cx: Cx<App>) -> Result<Action, kube::Error> {
    let (here, namespace, name) = (cx.cluster(), shop.namespace().unwrap_or_default(), shop.name_any());
    // The same workspace as the other export shows it; a shop whose workspace does not bind that one has no orders.
    let there = cx.fleet().resolve_in(&"orders".into(), here.id().as_str());
    let orders = there.map(|there| cx.orders.of(&there).list()).unwrap_or_default();
    let is_ours =
        |order: &&Arc<Order>| order.namespace().as_ref() == Some(&namespace) && order.spec.shop == name;
    let status = ShopStatus { orders: orders.iter().filter(is_ours).count() };
    if shop.status.as_ref() != Some(&status) {
        let patch = Patch::Merge(json!({ "status": status }));
        here.namespaced::<Shop>(&namespace).patch_status(&name, &PatchParams::default(), &patch).await?;
        let workspace = here.alias().unwrap_or_else(|| here.id().as_str().into());
        println!("{workspace} {namespace}/{name}: {} orders", status.orders);
    }
    Ok(Action::await_change())
}

pub(crate) fn fleet(provider: Connection) -> Result<Fleet, FleetError> {
    let shops = ApiExport::new(provider.clone(), "shops.example.io").named("shops");
    let orders = ApiExport::new(provider, "orders.example.io").named("orders");
    let fleet = Fleet::builder().provider(shops).provider(orders).build()?;
    let app = App { orders: fleet.store_in::<Order>("orders") };
    Controller::<Shop>::new("shops", &fleet)
        .provider("shops")
        .watches_in("orders", |there, order: &Arc<Order>| {
            let shop = ObjectKey::namespaced(order.namespace().unwrap_or_default(), order.spec.shop.as_str());
            [shop.in_cluster(&ClusterKey::new("shops", there.id().clone()))]
        })
        .run(reconcile, |_, _, _| Action::backoff(), Arc::new(app));
    Ok(fleet)
}

/// The provider's workspace with both exports, and a consumer of both with a Shop and two Orders.
pub(crate) async fn world(admin: &Config) -> Result<Connection, Fault> {
    let provider = setup::workspace(admin, "shop-provider", "universal").await?;
    setup::apply(&provider, include_str!("manifests/shop-provider.yaml")).await?;
    let consumer = setup::workspace(admin, "shop-one", "universal").await?;
    setup::apply(&consumer, include_str!("manifests/shop-consumer.yaml")).await?;
    Ok(Connection::from_config(provider)?)
}

#[tokio::main]
async fn main() -> Result<(), Fault> {
    runtime::install_crypto();
    let fleet = fleet(world(&setup::administrator().await?).await?)?;
    let stop = runtime::Stop::new();
    fleet.run_until(async { stop.on_signals().await.unwrap_or_default() }).await?;
    Ok(())
}
