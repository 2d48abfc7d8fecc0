import com.google.protobuf.ByteString;
import com.google.protobuf.DescriptorProtos.DescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumDescriptorProto;
import com.google.protobuf.DescriptorProtos.EnumValueDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Label;
import com.google.protobuf.DescriptorProtos.FieldDescriptorProto.Type;
import com.google.protobuf.DescriptorProtos.FileDescriptorProto;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.Timestamp;
import com.google.protobuf.TimestampProto;
import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.avro.Conversions;
import org.apache.avro.Schema;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;

/** Writes one record in Avro and one in Protobuf with Java's own libraries; see write.py beside it. */
public final class WriteRecords {
  private static final String AVRO =
      """
      {"type": "record", "name": "Event", "namespace": "shop", "fields": [
        {"name": "eventType", "type": {"type": "enum", "name": "Kind", "symbols": ["view", "buy"]}},
        {"name": "sentAt", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "micros", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "nanos", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
        {"name": "localMillis", "type": {"type": "long", "logicalType": "local-timestamp-millis"}},
        {"name": "localMicros", "type": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "timeMillis", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "timeMicros", "type": {"type": "long", "logicalType": "time-micros"}},
        {"name": "sessionId", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "fixedUuid", "type": {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "fixedPrice",
         "type": {"type": "fixed", "name": "P", "size": 8, "logicalType": "decimal", "precision": 9, "scale": 3}},
        {"name": "userId", "type": ["null", "long", "string"], "default": null},
        {"name": "nobody", "type": ["null", "string"], "default": null},
        {"name": "javaText", "type": {"type": "string", "avro.java.string": "String"}},
        {"name": "float", "type": "float"},
        {"name": "double", "type": "double"},
        {"name": "flag", "type": "boolean"},
        {"name": "bytes", "type": "bytes"},
        {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
          {"name": "id", "type": "string"},
          {"name": "alike", "type": ["null", {"type": "array", "items": "Item"}], "default": null}]}}},
        {"name": "tags", "type": {"type": "map", "values": ["null", "int", "Kind"]}}
      ]}
      """;

  public static void main(String[] args) throws Exception {
    System.out.println(base64(AVRO.getBytes("UTF-8")));
    System.out.println(base64(avro()));
    FileDescriptor file = file();
    System.out.println(base64(file.toProto().toByteArray()));
    System.out.println(base64(protobuf(file.findMessageTypeByName("Event"))));
  }

  private static String base64(byte[] bytes) {
    return Base64.getEncoder().encodeToString(bytes);
  }

  private static byte[] avro() throws Exception {
    Schema schema = new Schema.Parser().parse(AVRO);
    GenericData data = new GenericData();
    data.addLogicalTypeConversion(new TimeConversions.TimestampMillisConversion());
    data.addLogicalTypeConversion(new TimeConversions.TimestampMicrosConversion());
    data.addLogicalTypeConversion(new TimeConversions.TimestampNanosConversion());
    data.addLogicalTypeConversion(new TimeConversions.LocalTimestampMillisConversion());
    data.addLogicalTypeConversion(new TimeConversions.LocalTimestampMicrosConversion());
    data.addLogicalTypeConversion(new TimeConversions.DateConversion());
    data.addLogicalTypeConversion(new TimeConversions.TimeMillisConversion());
    data.addLogicalTypeConversion(new TimeConversions.TimeMicrosConversion());
    data.addLogicalTypeConversion(new Conversions.UUIDConversion());
    data.addLogicalTypeConversion(new Conversions.DecimalConversion());
    Instant when = Instant.parse("2026-01-02T03:04:05.678901234Z");
    LocalDateTime local = LocalDateTime.parse("2026-01-02T03:04:05.678901");
    Schema item = schema.getField("items").schema().getElementType();
    Schema kind = schema.getField("eventType").schema();
    GenericRecord inner = new GenericData.Record(item);
    inner.put("id", "inner");
    GenericRecord outer = new GenericData.Record(item);
    outer.put("id", "outer é");
    outer.put("alike", List.of(inner));
    GenericRecord event = new GenericData.Record(schema);
    event.put("eventType", new GenericData.EnumSymbol(kind, "buy"));
    event.put("sentAt", when.truncatedTo(ChronoUnit.MILLIS));
    event.put("micros", when.truncatedTo(ChronoUnit.MICROS));
    event.put("nanos", when);
    event.put("localMillis", local.truncatedTo(ChronoUnit.MILLIS));
    event.put("localMicros", local);
    event.put("day", LocalDate.parse("2026-01-02"));
    event.put("timeMillis", LocalTime.parse("03:04:05.678"));
    event.put("timeMicros", LocalTime.parse("03:04:05.678901"));
    event.put("sessionId", UUID.fromString("89791762-2336-4186-9674-299b90a802e2"));
    event.put("fixedUuid", UUID.fromString("89791762-2336-4186-9674-299b90a802e2"));
    event.put("price", new BigDecimal("-12.30"));
    event.put("fixedPrice", new BigDecimal("1234.500"));
    event.put("userId", 9007199254740993L);
    event.put("javaText", "text");
    event.put("float", 0.1f);
    event.put("double", 0.1);
    event.put("flag", true);
    event.put("bytes", ByteBuffer.wrap(new byte[] {0, -1}));
    event.put("items", List.of(outer, inner));
    event.put("tags", Map.of("one", 1));
    ByteArrayOutputStream written = new ByteArrayOutputStream();
    // As Confluent's serializer does: arrays and maps in blocks of unknown size, directly.
    BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(written, null);
    new GenericDatumWriter<GenericRecord>(schema, data).write(event, encoder);
    encoder.flush();
    return written.toByteArray();
  }

  private static FieldDescriptorProto field(String name, int number, Type type, Label label, String of) {
    FieldDescriptorProto.Builder field =
        FieldDescriptorProto.newBuilder().setName(name).setNumber(number).setType(type).setLabel(label);
    return (of == null ? field : field.setTypeName(of)).build();
  }

  private static FileDescriptor file() throws Exception {
    DescriptorProto item =
        DescriptorProto.newBuilder()
            .setName("Item")
            .addField(field("id", 1, Type.TYPE_STRING, Label.LABEL_OPTIONAL, null))
            .addField(field("alike", 2, Type.TYPE_MESSAGE, Label.LABEL_REPEATED, ".shop.Item"))
            .build();
    DescriptorProto event =
        DescriptorProto.newBuilder()
            .setName("Event")
            .addField(field("eventType", 1, Type.TYPE_ENUM, Label.LABEL_OPTIONAL, ".shop.Kind"))
            .addField(field("sentAt", 2, Type.TYPE_MESSAGE, Label.LABEL_OPTIONAL, ".google.protobuf.Timestamp"))
            .addField(field("sessionId", 3, Type.TYPE_STRING, Label.LABEL_OPTIONAL, null))
            .addField(field("userId", 4, Type.TYPE_INT64, Label.LABEL_OPTIONAL, null))
            .addField(field("signed", 5, Type.TYPE_SINT32, Label.LABEL_OPTIONAL, null))
            .addField(field("large", 6, Type.TYPE_FIXED64, Label.LABEL_OPTIONAL, null))
            .addField(field("float", 7, Type.TYPE_FLOAT, Label.LABEL_OPTIONAL, null))
            .addField(field("flag", 8, Type.TYPE_BOOL, Label.LABEL_OPTIONAL, null))
            .addField(field("numbers", 9, Type.TYPE_INT32, Label.LABEL_REPEATED, null))
            .addField(field("items", 10, Type.TYPE_MESSAGE, Label.LABEL_REPEATED, ".shop.Item"))
            .addField(field("bytes", 11, Type.TYPE_BYTES, Label.LABEL_OPTIONAL, null))
            .build();
    EnumDescriptorProto kind =
        EnumDescriptorProto.newBuilder()
            .setName("Kind")
            .addValue(EnumValueDescriptorProto.newBuilder().setName("KIND_UNSPECIFIED").setNumber(0))
            .addValue(EnumValueDescriptorProto.newBuilder().setName("buy").setNumber(1))
            .build();
    FileDescriptorProto file =
        FileDescriptorProto.newBuilder()
            .setName("shop.proto")
            .setPackage("shop")
            .setSyntax("proto3")
            .addDependency("google/protobuf/timestamp.proto")
            .addMessageType(item)
            .addMessageType(event)
            .addEnumType(kind)
            .build();
    return FileDescriptor.buildFrom(file, new FileDescriptor[] {TimestampProto.getDescriptor()});
  }

  private static byte[] protobuf(Descriptor event) {
    Descriptor item = event.getFile().findMessageTypeByName("Item");
    DynamicMessage inner =
        DynamicMessage.newBuilder(item).setField(item.findFieldByName("id"), "inner").build();
    DynamicMessage outer =
        DynamicMessage.newBuilder(item)
            .setField(item.findFieldByName("id"), "outer é")
            .addRepeatedField(item.findFieldByName("alike"), inner)
            .build();
    DynamicMessage.Builder made = DynamicMessage.newBuilder(event);
    made.setField(
        event.findFieldByName("eventType"),
        event.getFile().findEnumTypeByName("Kind").findValueByName("buy"));
    made.setField(
        event.findFieldByName("sentAt"),
        Timestamp.newBuilder().setSeconds(1767323045).setNanos(678000000).build());
    made.setField(event.findFieldByName("sessionId"), "89791762-2336-4186-9674-299b90a802e2");
    made.setField(event.findFieldByName("userId"), 9007199254740993L);
    made.setField(event.findFieldByName("signed"), -7);
    made.setField(event.findFieldByName("large"), 9007199254740993L);
    made.setField(event.findFieldByName("float"), 0.1f);
    made.setField(event.findFieldByName("flag"), true);
    made.setField(event.findFieldByName("numbers"), List.of(1, -2, 300));
    made.setField(event.findFieldByName("items"), List.of(outer, inner));
    made.setField(event.findFieldByName("bytes"), ByteString.copyFrom(new byte[] {0, -1}));
    return made.build().toByteArray();
  }
}
