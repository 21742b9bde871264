// SPDX-License-Identifier: BSD-3-Clause
// The two zero-copy steps of Java NIO, as a server of one file:  java Ladder.java STEP FILE
// It prints its port; each connection gets the file behind a response head, one after the other.

import java.lang.reflect.Field;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

public class Ladder {
    public static void main(String[] args) throws Exception {
        boolean map = args[0].equals("java-map");
        try (FileChannel file = FileChannel.open(Path.of(args[1]), StandardOpenOption.READ);
             ServerSocketChannel listener = ServerSocketChannel.open()) {
            listener.bind(new InetSocketAddress("0.0.0.0", 0));
            System.out.println(((InetSocketAddress) listener.getLocalAddress()).getPort());
            while (true) {
                try (SocketChannel client = listener.accept()) {
                    readRequest(client);
                    write(client, head(file.size()));
                    if (map)
                        sendMapped(client, file);
                    else
                        for (long at = 0; at < file.size();)
                            at += file.transferTo(at, file.size() - at, client);
                }
            }
        }
    }

    // A buffer holds at most 2 GiB. Its mapping would live on until the collector finds it, and keep
    // the file's pages in memory; Java 17 lets go of one earlier by this back door only.
    static void sendMapped(SocketChannel client, FileChannel file) throws Exception {
        for (long at = 0; at < file.size();) {
            long bytes = Math.min(file.size() - at, 1 << 30);
            ByteBuffer mapped = file.map(FileChannel.MapMode.READ_ONLY, at, bytes);
            write(client, mapped);
            at += bytes;
            Field field = Class.forName("sun.misc.Unsafe").getDeclaredField("theUnsafe");
            field.setAccessible(true);
            Object unsafe = field.get(null);
            unsafe.getClass().getMethod("invokeCleaner", ByteBuffer.class).invoke(unsafe, mapped);
        }
    }

    static void readRequest(SocketChannel client) throws Exception {
        ByteBuffer request = ByteBuffer.allocateDirect(4096);
        while (client.read(request) > 0) {
            byte[] text = new byte[request.position()];
            request.duplicate().flip().get(text);
            if (new String(text, StandardCharsets.ISO_8859_1).contains("\r\n\r\n"))
                return;
        }
    }

    static ByteBuffer head(long bytes) {
        return ByteBuffer.wrap(("HTTP/1.1 200 OK\r\nContent-Length: " + bytes + "\r\n\r\n")
            .getBytes(StandardCharsets.ISO_8859_1));
    }

    static void write(SocketChannel client, ByteBuffer data) throws Exception {
        while (data.hasRemaining())
            client.write(data);
    }
}
