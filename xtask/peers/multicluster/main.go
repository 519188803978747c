// An empty reconciler of multicluster-runtime over kcp's APIExport provider, measured: multicluster URL CLUSTERS SECONDS.
//
// URL is a server of CLUSTERS logical clusters with 10 ConfigMaps each, whose workspace `provider` holds the endpoint
// slice `bench`. Prints figures as JSON lines. A line with `ask` is a command for that server, answered on standard
// input. What is not done after SECONDS, or needs more than memoryMax, is given up, and said so.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	apisv1alpha1 "github.com/kcp-dev/sdk/apis/apis/v1alpha1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/cluster"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metrics "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"
	mcbuilder "sigs.k8s.io/multicluster-runtime/pkg/builder"
	mcmanager "sigs.k8s.io/multicluster-runtime/pkg/manager"
	"sigs.k8s.io/multicluster-runtime/pkg/multicluster"
	mcreconcile "sigs.k8s.io/multicluster-runtime/pkg/reconcile"

	"github.com/kcp-dev/multicluster-provider/apiexport"
)

const (
	objectsEach = 10
	memoryMax   = 8192 // MB
)

func main() {
	if len(os.Args) != 4 {
		fail(fmt.Errorf("usage: multicluster URL CLUSTERS SECONDS"))
	}
	clusters, err := strconv.Atoi(os.Args[2])
	must(err)
	seconds, err := strconv.Atoi(os.Args[3])
	must(err)
	must(run(os.Args[1], clusters, time.Duration(seconds)*time.Second))
}

// app is what the reconciler counts.
type app struct {
	manager mcmanager.Manager
	runs    atomic.Int64
	newest  atomic.Int64
	lock    sync.Mutex
	waits   []time.Duration
}

// Reconcile reads its object, as every reconciler does, and notes how long the newest change waited.
func (a *app) Reconcile(ctx context.Context, request mcreconcile.Request) (reconcile.Result, error) {
	here, err := a.manager.GetCluster(ctx, request.ClusterName)
	if err != nil {
		return reconcile.Result{}, err
	}
	var found corev1.ConfigMap
	if err := here.GetClient().Get(ctx, request.NamespacedName, &found); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	a.runs.Add(1)
	at, _ := strconv.ParseInt(found.Data["at"], 10, 64)
	for newest := a.newest.Load(); at > newest; newest = a.newest.Load() {
		if a.newest.CompareAndSwap(newest, at) {
			a.lock.Lock()
			a.waits = append(a.waits, time.Duration(time.Now().UnixNano()-at))
			a.lock.Unlock()
		}
	}
	return reconcile.Result{}, nil
}

// counter is told of each cluster after the controller was, and so counts those that are engaged.
type counter struct{ engaged atomic.Int64 }

func (c *counter) Start(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func (c *counter) Engage(context.Context, multicluster.ClusterName, cluster.Cluster) error {
	c.engaged.Add(1)
	return nil
}

type queue = workqueue.TypedRateLimitingInterface[mcreconcile.Request]

func run(url string, clusters int, limit time.Duration) error {
	log.SetLogger(logr.Discard())
	if err := apisv1alpha1.AddToScheme(scheme.Scheme); err != nil {
		return err
	}
	// No limit on requests: what is measured is the stack, not its caution.
	config := &rest.Config{Host: url + "/clusters/provider", QPS: -1}
	provider, err := apiexport.New(config, "bench", apiexport.Options{})
	if err != nil {
		return err
	}
	fleet, err := mcmanager.New(config, provider, manager.Options{Metrics: metrics.Options{BindAddress: "0"}})
	if err != nil {
		return err
	}
	a, count, queues := &app{manager: fleet}, &counter{}, make(chan queue, 1)
	err = mcbuilder.ControllerManagedBy(fleet).
		Named("bench").
		For(&corev1.ConfigMap{}).
		Owns(&corev1.Secret{}).
		Owns(&corev1.ServiceAccount{}).
		WatchesRawSource(source.TypedFunc[mcreconcile.Request](func(_ context.Context, q queue) error {
			queues <- q
			return nil
		})).
		WithOptions(controller.TypedOptions[mcreconcile.Request]{MaxConcurrentReconciles: 64}).
		Complete(a)
	if err != nil {
		return err
	}
	if err := fleet.Add(count); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	started := time.Now()
	go watchMemory(count, clusters)
	go func() { must(fleet.Start(ctx)) }()

	objects := int64(clusters * objectsEach)
	first, all, engaged := false, false, false
	for !all || !engaged {
		if !first && a.runs.Load() > 0 {
			first = true
			say(map[string]any{"first_s": time.Since(started).Seconds()})
		}
		if !engaged && count.engaged.Load() >= int64(clusters) {
			engaged = true
			say(map[string]any{"engaged_s": time.Since(started).Seconds()})
		}
		if !all && a.runs.Load() >= objects {
			all = true
			say(map[string]any{"all_s": time.Since(started).Seconds()})
		}
		if time.Since(started) > limit {
			giveUp(fmt.Sprintf("%s are over", limit), count, clusters)
		}
		time.Sleep(2 * time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond)
	rss, peak := memory()
	say(map[string]any{"rss_mb": rss, "peak_mb": peak, "tasks": runtime.NumGoroutine()})
	a.latency("idle", 200, 40)
	a.latency("busy", 4000, 1000)
	a.throughput(<-queues, clusters, limit, count)
	requests := ask("requests")
	say(map[string]any{"requests": requests["requests"], "writes": requests["writes"], "watches": requests["watches"]})
	return nil
}

// latency has the server change objects at a rate: from its clock to the reconcile.
func (a *app) latency(name string, changes, perSecond int) {
	a.take()
	ask(fmt.Sprintf("change %d %d", changes, perSecond))
	time.Sleep(500 * time.Millisecond)
	waits := a.take()
	slices.Sort(waits)
	at := func(share int) any {
		if len(waits) == 0 {
			return nil
		}
		return float64(waits[len(waits)*share/100].Microseconds()) / 1000
	}
	say(map[string]any{name + "_p50_ms": at(50), name + "_p99_ms": at(99), name + "_seen": len(waits)})
}

func (a *app) take() []time.Duration {
	a.lock.Lock()
	defer a.lock.Unlock()
	waits := a.waits
	a.waits = nil
	return waits
}

// throughput asks for every object, three times over.
func (a *app) throughput(queue queue, clusters int, limit time.Duration, count *counter) {
	best := 0.0
	for range 3 {
		before, started := a.runs.Load(), time.Now()
		for at := range clusters {
			for object := range objectsEach {
				request := mcreconcile.Request{ClusterName: multicluster.ClusterName(fmt.Sprintf("c%015d", at))}
				request.Namespace, request.Name = "default", fmt.Sprintf("o%d", object)
				queue.Add(request)
			}
		}
		for a.runs.Load()-before < int64(clusters*objectsEach) {
			if time.Since(started) > limit {
				giveUp(fmt.Sprintf("%s are over", limit), count, clusters)
			}
			time.Sleep(2 * time.Millisecond)
		}
		best = max(best, float64(clusters*objectsEach)/time.Since(started).Seconds())
	}
	say(map[string]any{"reconciles_per_s": best})
}

// watchMemory ends the process before the machine has to.
func watchMemory(count *counter, clusters int) {
	for range time.Tick(time.Second) {
		if rss, _ := memory(); rss > memoryMax {
			giveUp(fmt.Sprintf("%d MB are used", memoryMax), count, clusters)
		}
	}
}

func giveUp(why string, count *counter, clusters int) {
	say(map[string]any{"gave_up": fmt.Sprintf("%s with %d of %d clusters engaged", why, count.engaged.Load(), clusters)})
	os.Exit(0)
}

// memory is the resident memory of this process in MB, now and at most so far.
func memory() (now, peak float64) {
	text, _ := os.ReadFile("/proc/self/status")
	of := func(key string) float64 {
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == key {
				kilobytes, _ := strconv.ParseFloat(fields[1], 64)
				return kilobytes / 1024
			}
		}
		return 0
	}
	return of("VmRSS:"), of("VmHWM:")
}

var (
	printing sync.Mutex
	answers  = bufio.NewReader(os.Stdin)
)

// say prints a line of figures.
func say(values map[string]any) {
	line, err := json.Marshal(values)
	must(err)
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(string(line))
}

// ask sends a command to the server by way of whoever started us.
func ask(command string) map[string]any {
	say(map[string]any{"ask": command})
	line, err := answers.ReadString('\n')
	must(err)
	answer := map[string]any{}
	must(json.Unmarshal([]byte(line), &answer))
	return answer
}

func must(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "multicluster:", err)
	os.Exit(1)
}
