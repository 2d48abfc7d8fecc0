import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.CoordinatorConfig;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.exceptions.InvalidStateException;
import software.amazon.kinesis.exceptions.ShutdownException;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

/**
 * A consumer of the KCL's: polling, without metrics, a checkpoint after each batch.
 *
 * <p>Its argument is a file of properties: {@code streams.url}, {@code tables.url}, {@code application}, {@code stream},
 * {@code worker}, {@code failover.ms}, {@code output}, and for KCL 3 {@code version}, one of its ClientVersionConfig. To
 * {@code output} it adds a line of JSON for each shard that it begins, and for each record, whose value is UTF-8 and JSON
 * itself. SIGTERM ends it gracefully. It is compiled against KCL 2 and KCL 3.
 */
public final class KclConsumer {
    private static Path output;

    private KclConsumer() {}

    public static void main(String[] arguments) throws Exception {
        Properties told = new Properties();
        try (var reader = Files.newBufferedReader(Path.of(arguments[0]))) {
            told.load(reader);
        }
        output = Path.of(told.getProperty("output"));
        Scheduler scheduler = scheduler(told);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(scheduler)));
        scheduler.run();
    }

    private static Scheduler scheduler(Properties told) {
        var credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("local", "local"));
        URI tables = URI.create(told.getProperty("tables.url"));
        // The emulators don't speak HTTP/2, which is the default for Kinesis.
        var kinesis = KinesisAsyncClient.builder()
                .httpClientBuilder(NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1))
                .endpointOverride(URI.create(told.getProperty("streams.url")))
                .region(Region.US_EAST_1)
                .credentialsProvider(credentials)
                .build();
        var dynamo = DynamoDbAsyncClient.builder()
                .endpointOverride(tables)
                .region(Region.US_EAST_1)
                .credentialsProvider(credentials)
                .build();
        // It is never called: there are no metrics.
        var cloudWatch = CloudWatchAsyncClient.builder()
                .endpointOverride(tables)
                .region(Region.US_EAST_1)
                .credentialsProvider(credentials)
                .build();
        String stream = told.getProperty("stream");
        ConfigsBuilder configs = new ConfigsBuilder(
                stream,
                told.getProperty("application"),
                kinesis,
                dynamo,
                cloudWatch,
                told.getProperty("worker"),
                Processor::new);
        PollingConfig polling = new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(250);
        LeaseManagementConfig leases = configs.leaseManagementConfig()
                .failoverTimeMillis(Long.parseLong(told.getProperty("failover.ms")))
                .shardSyncIntervalMillis(2000)
                // Only a hole that was seen so often is filled: by itself after 6 minutes.
                .leasesRecoveryAuditorExecutionFrequencyMillis(3000)
                .initialPositionInStream(
                        InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON));
        return new Scheduler(
                configs.checkpointConfig(),
                versioned(configs.coordinatorConfig().parentShardPollIntervalMillis(1000), told.getProperty("version")),
                leases,
                configs.lifecycleConfig(),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                configs.processorConfig(),
                configs.retrievalConfig()
                        .initialPositionInStreamExtended(InitialPositionInStreamExtended.newInitialPosition(
                                InitialPositionInStream.TRIM_HORIZON))
                        .retrievalSpecificConfig(polling));
    }

    /** KCL 3 behaves by this; KCL 2 has no such thing. */
    private static CoordinatorConfig versioned(CoordinatorConfig config, String version) {
        for (var method : config.getClass().getMethods()) {
            if (version != null && method.getName().equals("clientVersionConfig") && method.getParameterCount() == 1) {
                Object chosen = Arrays.stream(method.getParameterTypes()[0].getEnumConstants())
                        .filter(each -> each.toString().equals(version))
                        .findFirst()
                        .orElseThrow();
                try {
                    method.invoke(config, chosen);
                } catch (ReflectiveOperationException error) {
                    throw new IllegalStateException(error);
                }
            }
        }
        return config;
    }

    private static void end(Scheduler scheduler) {
        try {
            scheduler.startGracefulShutdown().get(20, TimeUnit.SECONDS);
        } catch (Exception error) {
            error.printStackTrace();
        }
    }

    private static synchronized void write(List<String> lines) {
        try {
            Files.write(
                    output, lines, StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (java.io.IOException error) {
            throw new java.io.UncheckedIOException(error);
        }
    }

    private static final class Processor implements ShardRecordProcessor {
        private String shard;

        @Override
        public void initialize(InitializationInput told) {
            shard = told.shardId();
            write(List.of(String.format(
                    "{\"begins\": \"%s\", \"after\": \"%s\"}", shard, told.extendedSequenceNumber().sequenceNumber())));
        }

        @Override
        public void processRecords(ProcessRecordsInput told) {
            if (!told.records().isEmpty()) {
                write(told.records().stream().map(this::line).toList());
                checkpoint(told.checkpointer());
            }
        }

        @Override
        public void leaseLost(LeaseLostInput told) {
            write(List.of(String.format("{\"lost\": \"%s\"}", shard)));
        }

        @Override
        public void shardEnded(ShardEndedInput told) {
            write(List.of(String.format("{\"ended\": \"%s\"}", shard)));
            checkpoint(told.checkpointer());
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput told) {
            checkpoint(told.checkpointer());
        }

        private String line(KinesisClientRecord record) {
            return String.format(
                    "{\"shard\": \"%s\", \"sequence\": \"%s\", \"event\": %s}",
                    shard, record.sequenceNumber(), StandardCharsets.UTF_8.decode(record.data()));
        }

        private static void checkpoint(RecordProcessorCheckpointer checkpointer) {
            try {
                checkpointer.checkpoint();
            } catch (ShutdownException lost) {
                // Another has the lease: leaseLost comes.
            } catch (InvalidStateException error) {
                throw new IllegalStateException(error);
            }
        }
    }
}
