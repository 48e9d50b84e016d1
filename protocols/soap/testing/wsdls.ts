/** RPC with SOAP encoding, as PHP and old Axis services have it. */
export const RPC = `<?xml version="1.0"?>
<definitions name="Orders" targetNamespace="urn:orders" xmlns:tns="urn:orders" xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/">
  <types><xsd:schema targetNamespace="urn:orders">
    <xsd:complexType name="order"><xsd:all><xsd:element name="id" type="xsd:int"/><xsd:element name="total" type="xsd:decimal"/><xsd:element name="note" type="xsd:string" minOccurs="0" nillable="true"/></xsd:all></xsd:complexType>
    <xsd:complexType name="orders"><xsd:complexContent><xsd:restriction base="soapenc:Array"><xsd:attribute ref="soapenc:arrayType" wsdl:arrayType="tns:order[]"/></xsd:restriction></xsd:complexContent></xsd:complexType>
  </xsd:schema></types>
  <message name="putIn"><part name="session" type="xsd:string"/><part name="orders" type="tns:orders"/></message>
  <message name="putOut"><part name="count" type="xsd:int"/></message>
  <message name="listIn"><part name="session" type="xsd:string"/></message>
  <message name="listOut"><part name="orders" type="tns:orders"/></message>
  <portType name="P"><operation name="put"><input message="tns:putIn"/><output message="tns:putOut"/></operation><operation name="list"><input message="tns:listIn"/><output message="tns:listOut"/></operation></portType>
  <binding name="B" type="tns:P"><soap:binding style="rpc" transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="put"><soap:operation soapAction="urn:orders#put"/><input><soap:body use="encoded" namespace="urn:calls" encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"/></input><output><soap:body use="encoded" namespace="urn:calls"/></output></operation>
    <operation name="list"><soap:operation soapAction="urn:orders#list"/><input><soap:body use="encoded" namespace="urn:calls"/></input><output><soap:body use="encoded" namespace="urn:calls"/></output></operation>
  </binding>
  <service name="S"><port name="Port" binding="tns:B"><soap:address location="http://127.0.0.1/orders"/></port></service>
</definitions>`

/** Document/literal under SOAP 1.2; the schema lies in a folder and includes another; one namespace has two schemas. `$schema` is put in. */
export const DOCUMENT = `<?xml version="1.0"?>
<wsdl:definitions targetNamespace="urn:people" xmlns:tns="urn:people" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:xsd="http://www.w3.org/2001/XMLSchema">
  <wsdl:types>
    <xsd:schema targetNamespace="urn:people" elementFormDefault="qualified"><xsd:include schemaLocation="$schema"/></xsd:schema>
    <xsd:schema targetNamespace="urn:people" elementFormDefault="qualified">
      <xsd:import namespace="http://www.w3.org/XML/1998/namespace" schemaLocation="http://www.w3.org/2001/xml.xsd"/>
      <xsd:element name="putPerson" type="tns:person"/>
      <xsd:element name="putPersonResponse"><xsd:complexType><xsd:sequence><xsd:element name="id" type="xsd:long"/></xsd:sequence></xsd:complexType></xsd:element>
    </xsd:schema>
  </wsdl:types>
  <wsdl:message name="in"><wsdl:part name="body" element="tns:putPerson"/></wsdl:message><wsdl:message name="out"><wsdl:part name="body" element="tns:putPersonResponse"/></wsdl:message>
  <wsdl:portType name="P"><wsdl:operation name="putPerson"><wsdl:input message="tns:in"/><wsdl:output message="tns:out"/></wsdl:operation></wsdl:portType>
  <wsdl:binding name="B" type="tns:P"><soap12:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <wsdl:operation name="putPerson"><soap12:operation soapAction="urn:put"/><wsdl:input><soap12:body use="literal"/></wsdl:input><wsdl:output><soap12:body use="literal"/></wsdl:output></wsdl:operation>
  </wsdl:binding>
  <wsdl:service name="S"><wsdl:port name="Port" binding="tns:B"><soap12:address location="http://127.0.0.1/people"/></wsdl:port></wsdl:service>
</wsdl:definitions>`

export const PERSON = `<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:people" targetNamespace="urn:people" elementFormDefault="qualified">
  <xs:include schemaLocation="../base.xsd"/>
  <xs:complexType name="person"><xs:complexContent><xs:extension base="thing"><xs:sequence>
    <xs:element name="name" type="xs:string"/>
    <xs:choice><xs:element name="email" type="xs:string"/><xs:element name="phone" type="xs:string"/></xs:choice>
    <xs:element name="tag" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
    <xs:element name="born" type="xs:date" nillable="true"/>
  </xs:sequence><xs:attribute name="kind" type="xs:string"/></xs:extension></xs:complexContent></xs:complexType>
</xs:schema>`

export const BASE = `<?xml version="1.0"?>
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:people" targetNamespace="urn:people" elementFormDefault="qualified">
  <xs:complexType name="thing"><xs:sequence><xs:element name="id" type="xs:long" minOccurs="0"/></xs:sequence></xs:complexType>
</xs:schema>`
