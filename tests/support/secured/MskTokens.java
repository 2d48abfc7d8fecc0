import java.net.URI;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.security.auth.callback.Callback;
import javax.security.auth.login.AppConfigurationEntry;
import org.apache.kafka.common.security.auth.AuthenticateCallbackHandler;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerToken;
import org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallback;

/** What a broker of Amazon MSK does with a token: whoever signed it is logged in, until it is over. */
public class MskTokens implements AuthenticateCallbackHandler {
    private static final Map<String, String> SECRETS = Map.of("local", "local", "second", "second-secret");

    public void configure(Map<String, ?> configs, String mechanism, List<AppConfigurationEntry> entries) {}

    public void close() {}

    public void handle(Callback[] callbacks) {
        for (Callback each : callbacks) {
            if (each instanceof OAuthBearerValidatorCallback) {
                OAuthBearerValidatorCallback asked = (OAuthBearerValidatorCallback) each;
                try {
                    asked.token(read(asked.tokenValue()));
                } catch (Exception error) {
                    asked.error("Access denied", null, null);
                }
            }
        }
    }

    private static OAuthBearerToken read(String token) throws Exception {
        URI url = new URI(new String(Base64.getUrlDecoder().decode(token), StandardCharsets.UTF_8));
        Map<String, String> said = new HashMap<>();
        for (String each : url.getRawQuery().split("&")) {
            String[] pair = each.split("=", 2);
            said.put(pair[0], URLDecoder.decode(pair[1], StandardCharsets.UTF_8));
        }
        String[] scope = said.get("X-Amz-Credential").split("/");
        String query = url.getRawQuery().substring(0, url.getRawQuery().indexOf("&X-Amz-Signature="));
        String request = "GET\n/\n" + query + "\nhost:" + url.getHost() + "\n\nhost\n" + hash("");
        String place = String.join("/", scope[1], scope[2], scope[3], scope[4]);
        String text = "AWS4-HMAC-SHA256\n" + said.get("X-Amz-Date") + "\n" + place + "\n" + hash(request);
        byte[] key = ("AWS4" + SECRETS.get(scope[0])).getBytes(StandardCharsets.UTF_8);
        for (int part = 1; part < 5; part++) {
            key = sign(key, scope[part]);
        }
        long begins = LocalDateTime.parse(said.get("X-Amz-Date"), DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'"))
                .toEpochSecond(ZoneOffset.UTC) * 1000;
        long ends = begins + Long.parseLong(said.get("X-Amz-Expires")) * 1000;
        boolean right = HexFormat.of().formatHex(sign(key, text)).equals(said.get("X-Amz-Signature"))
                && said.get("Action").equals("kafka-cluster:Connect")
                && scope[3].equals("kafka-cluster")
                && url.getHost().equals("kafka." + scope[2] + ".amazonaws.com")
                && System.currentTimeMillis() < ends;
        if (!right) {
            throw new IllegalArgumentException();
        }
        return new Token(token, scope[0], begins, ends);
    }

    private static byte[] sign(byte[] key, String text) throws Exception {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String hash(String text) throws Exception {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(digest);
    }

    private static final class Token implements OAuthBearerToken {
        private final String value;
        private final String principal;
        private final long begins;
        private final long ends;

        Token(String value, String principal, long begins, long ends) {
            this.value = value;
            this.principal = principal;
            this.begins = begins;
            this.ends = ends;
        }

        public String value() {
            return value;
        }

        public Set<String> scope() {
            return Set.of();
        }

        public long lifetimeMs() {
            return ends;
        }

        public String principalName() {
            return principal;
        }

        public Long startTimeMs() {
            return begins;
        }
    }
}
